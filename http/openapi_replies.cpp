#include "http/openapi_replies.hpp"

#include "http/openapi_schemas.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <vector>

namespace lode::http::openapi {
namespace {

namespace json = boost::json;

constexpr std::string_view envelope_type = "application/json";

// One of the things that a status may mean.
struct meaning {
  std::string text;
  std::string media;
  json::object schema;
};

meaning envelope(unsigned status, std::string_view message, std::string_view data) {
  const bool success = status < 400;
  const std::string_view member = success ? "data" : "err_detail";
  json::object properties{{"success", {{"type", "boolean"}, {"const", success}}},
                          {"message", {{"type", "string"}, {"const", message}}}};
  json::array required{"success", "message"};
  if (!data.empty()) {
    properties[member] = parsed(data);
    required.emplace_back(member);
  } else if (!success) {
    properties[member] = json::object{{"type", "string"}, {"description", "more about it"}};
  }
  return {std::string{message}, std::string{envelope_type},
          json::object{{"type", "object"},
                       {"required", std::move(required)},
                       {"additionalProperties", false},
                       {"properties", std::move(properties)}}};
}

meaning component(std::string_view text, std::string_view name) {
  return {std::string{text}, std::string{envelope_type}, reference("schemas", name)};
}

// What the edge answers for any endpoint, where it can come to that.
void add_common(std::map<unsigned, std::vector<meaning>>& all, const endpoint& e) {
  if (e.needs != role::none) {
    all[401].push_back(envelope(401, "Unauthorized", {}));
    all[429].push_back(envelope(429, "Too Many Requests", R"({"type":"string"})"));
    // Any key is good for reading.
    if (e.needs != role::read)
      all[403].push_back(envelope(403, "Forbidden: this needs the role " + std::string{to_string(e.needs)}, {}));
    all[403].push_back(envelope(403, "Forbidden: the page is of another origin", {}));
  }
  all[403].push_back(envelope(403, "Access forbidden: IP not whitelisted", {}));
  if (e.method == verb::post) all[413].push_back(component("The body is too large", "TooLarge"));
  if (!e.parameters.empty()) all[422].push_back(component("Parameters are missing or wrong", "ValidationProblem"));
  all[500].push_back(component("A bug, or the store failed", "Broken"));
  all[503].push_back(component("Overloaded, starting or stopping: try again", "Unavailable"));
}

std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      out.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    else if (!out.empty() && out.back() != '-')
      out.push_back('-');
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "reply" : out;
}

bool has_header(const endpoint& e, std::string_view name) {
  return std::any_of(e.parameters.begin(), e.parameters.end(),
                     [name](const parameter& p) { return p.in == place::header && p.name == name; });
}

json::object headers_of(unsigned status, const endpoint* e) {
  json::object h{{"x-request-id", reference("headers", "x-request-id")}};
  if (status == 503 || status == 429) h["retry-after"] = reference("headers", "retry-after");
  if (status == 401) h["www-authenticate"] = reference("headers", "www-authenticate");
  if (status == 426) h["upgrade"] = reference("headers", "upgrade");
  if (status == 200 && e != nullptr && has_header(*e, "idempotency-key"))
    h["idempotency-replayed"] = reference("headers", "idempotency-replayed");
  return h;
}

json::object response_of(unsigned status, const std::vector<meaning>& meanings, const endpoint* e,
                         const json::object& schemas) {
  std::string description;
  std::map<std::string, std::vector<const meaning*>> by_media;
  for (const meaning& m : meanings) {
    if (!description.empty()) description.append(" / ");
    description.append(m.text);
    by_media[m.media].push_back(&m);
  }
  json::object r{{"description", description}, {"headers", headers_of(status, e)}};
  if (status < 200) return r;
  json::object content;
  for (const auto& [media, of_it] : by_media) {
    json::object examples;
    json::array any;
    for (const meaning* m : of_it) {
      examples[slug(m->text)] = json::object{{"summary", m->text}, {"value", example_of(m->schema, schemas)}};
      any.emplace_back(m->schema);
    }
    json::value schema;  // braces around a value would make an array
    if (any.size() == 1)
      schema = any[0];
    else
      schema = json::object{{"anyOf", any}};
    content[media] = json::object{{"schema", std::move(schema)}, {"examples", std::move(examples)}};
  }
  r["content"] = std::move(content);
  return r;
}

}  // namespace

json::object responses_of(const endpoint& e, const json::object& schemas) {
  std::map<unsigned, std::vector<meaning>> all;
  for (const reply_row& row : e.replies) {
    if (row.media.empty())
      all[row.status].push_back(envelope(row.status, row.message, row.data));
    else
      all[row.status].push_back(
          meaning{std::string{row.message}, std::string{row.media}, parsed(row.data).as_object()});
  }
  add_common(all, e);
  json::object out;
  for (const auto& [status, meanings] : all) out[std::to_string(status)] = response_of(status, meanings, &e, schemas);
  out["default"] = reference("responses", "Problem");
  return out;
}

json::object component_responses(const json::object& schemas) {
  constexpr std::string_view text =
      "What HTTP itself makes wrong (a request that is none, 405, 408, 431): in the envelope of all errors";
  return {{"Problem", response_of(405, {component(text, "Problem")}, nullptr, schemas)}};
}

json::object component_headers() {
  return {
      {"x-request-id", parsed(R"({"description":"that of the request if it has a sane one, else a fresh UUID",
        "required":true,"schema":{"type":"string","examples":["6f1c9d52-5c1f-4f6a-9d3c-2f1b7a8c9d0e"]}})")},
      {"retry-after", parsed(R"({"description":"seconds after which to try again","required":true,
        "schema":{"type":"integer","minimum":0,"examples":[1]}})")},
      {"www-authenticate", parsed(R"({"description":"how to authenticate","required":true,
        "schema":{"type":"string","examples":["Bearer"]}})")},
      {"upgrade", parsed(R"({"description":"what to ask for","required":true,"schema":{"type":"string",
        "const":"websocket"}})")},
      {"idempotency-replayed", parsed(R"({"description":"true: the reply of an earlier call under the same key",
        "schema":{"type":"string","const":"true"}})")},
  };
}

}  // namespace lode::http::openapi
