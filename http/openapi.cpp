#include "http/openapi.hpp"

#include "http/openapi_replies.hpp"
#include "http/openapi_schemas.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace lode::http {
namespace {

namespace json = boost::json;
using openapi::parsed;

constexpr std::string_view introduction =
    "Rents out GPU containers on the miners of a Bittensor subnet. Every reply is JSON in one of two envelopes: "
    "`{\"success\": true, \"message\", \"data\"}` and `{\"success\": false, \"message\", \"err_detail\"}`.\n\n"
    "Scalars may be sent in the query or in a JSON object body; the query wins. Numbers and truth values may come as "
    "texts. Unknown fields are ignored.\n\n"
    "Where keys are in use, each operation says which role a key needs; `admin` includes `rent`, `rent` includes "
    "`read`. "
    "Without any key the API is open.";

struct tag_text {
  std::string_view name;
  std::string_view text;
};
constexpr std::array tag_texts{
    tag_text{"process", "The process itself: health, description, metrics, events"},
    tag_text{"service", "Renting, and what a renter does with an allocation"},
    tag_text{"list", "What there is"},
    tag_text{"admin", "What operators do"},
};

std::string operation_id(std::string_view path) {
  if (path == "/") return "root";
  std::string id{path.substr(1)};
  std::replace_if(
      id.begin(), id.end(), [](char c) { return c == '/' || c == '.' || c == '-'; }, '_');
  return id;
}

bool is_number(value_type t) { return t == value_type::integer || t == value_type::number; }

json::object scalar_schema(const parameter& p) {
  json::object s = openapi::schema_of(p.type);
  if (is_number(p.type) && p.bounds.ge) s["minimum"] = *p.bounds.ge;
  if (is_number(p.type) && p.bounds.le) s["maximum"] = *p.bounds.le;
  if (!p.choices.empty()) {
    std::vector<std::string> names;
    boost::algorithm::split(names, p.choices, [](char c) { return c == ' '; });
    s["enum"] = json::value_from(names);
  }
  if (!p.fallback.empty()) s["default"] = parsed(p.fallback);
  if (p.in == place::query && !p.doc.empty()) s["description"] = p.doc;
  return s;
}

json::object parameter_of(const parameter& p, bool body_too) {
  json::object o{{"name", p.name}, {"in", p.in == place::header ? "header" : "query"}, {"required", !p.optional}};
  std::string doc{p.doc};
  if (body_too) doc.append(doc.empty() ? "May come in the body instead" : "; may come in the body instead");
  if (!doc.empty()) o["description"] = doc;
  o["schema"] = scalar_schema(p);
  if (!p.example.empty()) o["example"] = parsed(p.example);
  return o;
}

// Of a parameter that is the body, and of scalars that may come there too.
json::object body_of(const endpoint& e, const json::object& schemas) {
  json::object properties;
  const parameter* whole = nullptr;
  for (const parameter& p : e.parameters) {
    if (p.in == place::body) whole = &p;
    if (p.in == place::query) properties[p.name] = scalar_schema(p);
  }
  const bool list = whole != nullptr && whole->type == value_type::list;
  if (whole == nullptr && properties.empty()) return {};
  json::object schema;
  if (whole != nullptr) {
    schema = openapi::schema_of(whole->type);
    const auto* ref = schema.if_contains("$ref");
    if (ref != nullptr) {
      const std::string_view to = ref->as_string();
      for (const auto& own : schemas.at(to.substr(to.rfind('/') + 1)).at("properties").as_object())
        properties.erase(own.key());
    }
  }
  if (!properties.empty() && !list) {
    json::object scalars{{"type", "object"}, {"properties", std::move(properties)}};
    schema = whole == nullptr ? std::move(scalars)
                              : json::object{{"allOf", json::array{std::move(schema), std::move(scalars)}}};
  }
  // Of the scalars only those of the body itself: all together may make no sense.
  json::value example = json::object{};
  if (whole != nullptr && !whole->example.empty())
    example = parsed(whole->example);
  else if (whole != nullptr)
    example = openapi::example_of(openapi::schema_of(whole->type), schemas);
  json::object o{{"required", whole != nullptr && !whole->optional}};
  if (whole != nullptr && !whole->doc.empty()) o["description"] = whole->doc;
  if (whole == nullptr) o["description"] = "The parameters may come here instead of in the query, which wins";
  o["content"] =
      json::object{{"application/json", json::object{{"schema", std::move(schema)}, {"example", std::move(example)}}}};
  return o;
}

json::array security_of(const endpoint& e) {
  if (e.needs == role::none) return {};
  constexpr std::array<std::string_view, 4> names{"none", "read", "rent", "admin"};
  const json::array roles{names.at(static_cast<std::size_t>(e.needs))};
  json::array out{json::object{{"bearer", roles}}};
  for (const parameter& p : e.parameters)
    if (p.in == place::query && p.name == "token") out.emplace_back(json::object{{"token", roles}});
  return out;
}

json::object operation_of(const endpoint& e, const json::object& schemas) {
  json::object o{{"operationId", operation_id(e.path)}, {"tags", json::array{e.tag}}, {"summary", e.summary}};
  if (!e.description.empty()) o["description"] = e.description;
  const bool list = std::any_of(e.parameters.begin(), e.parameters.end(),
                                [](const parameter& p) { return p.type == value_type::list; });
  json::array parameters;
  for (const parameter& p : e.parameters)
    if (p.in != place::body)
      parameters.emplace_back(parameter_of(p, e.method == verb::post && p.in == place::query && !list));
  if (!parameters.empty()) o["parameters"] = std::move(parameters);
  if (e.method == verb::post)
    if (json::object body = body_of(e, schemas); !body.empty()) o["requestBody"] = std::move(body);
  o["responses"] = openapi::responses_of(e, schemas);
  o["security"] = security_of(e);
  return o;
}

json::array tags_of(std::span<const endpoint> table) {
  json::array out;
  std::vector<std::string_view> seen;
  for (const endpoint& e : table) {
    if (std::find(seen.begin(), seen.end(), e.tag) != seen.end()) continue;
    seen.push_back(e.tag);
    json::object tag{{"name", e.tag}};
    for (const auto& [name, text] : tag_texts)
      if (name == e.tag) tag["description"] = text;
    out.emplace_back(std::move(tag));
  }
  return out;
}

}  // namespace

std::string openapi_document(std::span<const endpoint> table, std::string_view version) {
  json::object schemas = openapi::component_schemas();
  json::object paths;
  for (const endpoint& e : table) {
    if (!paths.contains(e.path)) paths[e.path] = json::object{};
    paths[e.path].as_object()[boost::algorithm::to_lower_copy(std::string{to_string(e.method)})] =
        operation_of(e, schemas);
  }
  json::object components;
  components["responses"] = openapi::component_responses(schemas);
  components["headers"] = openapi::component_headers();
  components["securitySchemes"] = parsed(
      R"({"bearer":{"type":"http","scheme":"bearer","description":"an API key: `Authorization: Bearer lode_...`"},
        "token":{"type":"apiKey","in":"query","name":"token","description":"an API key, where a browser cannot set"
        }})");
  components["schemas"] = std::move(schemas);
  const json::object document{
      {"openapi", "3.1.0"},
      {"info", {{"title", "Lode"}, {"version", version}, {"description", introduction}}},
      {"servers", json::array{json::object{{"url", "/"}, {"description", "this server"}}}},
      {"tags", tags_of(table)},
      {"paths", std::move(paths)},
      {"components", std::move(components)},
  };
  return json::serialize(document);
}

}  // namespace lode::http
