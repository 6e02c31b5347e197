#include "http/openapi_schemas.hpp"

#include "messages/fields.hpp"

#include <boost/json.hpp>

#include <array>
#include <concepts>
#include <string>
#include <type_traits>

namespace lode::http::openapi {
namespace {

namespace json = boost::json;

struct named_schema {
  std::string_view name;
  std::string_view text;
};

// Of what has no field table. The words are those of replies.cpp, the server and messages/envelope.cpp; the contract
// test compares them with what the daemon says.
constexpr std::array others{
    named_schema{"Readiness", R"({"type":"object","required":["store","recovered","miners","allocations","set_aside"],
      "properties":{"store":{"type":"boolean","description":"the store takes writes"},
        "recovered":{"type":"boolean","description":"every stored allocation is served again"},
        "miners":{"type":"integer","minimum":0,"examples":[256]},
        "allocations":{"type":"integer","minimum":0,"examples":[3]},
        "set_aside":{"type":"array","items":{"type":"string"},
          "description":"hotkeys whose actors keep crashing; not offered","examples":[[]]}}})"},
    named_schema{"HotkeyStatus", R"({"anyOf":[
      {"type":"object","required":["hotkey","status"],"additionalProperties":false,"properties":{
        "hotkey":{"type":"string","examples":["5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX"]},
        "status":{"type":"string","enum":["Docker OFFLINE","Docker ONLINE","Miner NO_RESPONSE","Not Found","Unknown"],
          "description":"OFFLINE: free. ONLINE: a container runs"}}},
      {"type":"object","required":["hotkey","version"],"additionalProperties":false,"description":"with query_version",
        "properties":{"hotkey":{"type":"string"},"version":{"type":"integer","examples":[183]}}}]})"},
    named_schema{"ResourceStats", R"({"type":"object","required":["stats"],"properties":{"stats":{"type":"object",
      "required":["available","reserved","total"],"properties":{"available":{"type":"integer","minimum":0},
        "reserved":{"type":"integer","minimum":0},"total":{"type":"integer","minimum":0}}}}})"},
    named_schema{"ResourcePage", R"({"type":"object",
      "required":["page_items","page_number","page_size","next_page_number"],"properties":{
        "page_items":{"type":"array","items":{"$ref":"#/components/schemas/Resource"}},
        "page_number":{"type":"integer","examples":[1]},"page_size":{"type":"integer","examples":[50]},
        "next_page_number":{"type":["integer","null"],"examples":[null]}}})"},
    named_schema{"Count", R"({"type":"object","required":["success","message","count","data"],
      "additionalProperties":false,"properties":{"success":{"type":"boolean","const":true},
        "message":{"type":"string","const":"List resources successfully"},
        "count":{"type":"integer","minimum":0,"examples":[8]},
        "data":{"type":"object","required":["count"],"properties":{
          "count":{"type":"integer","minimum":0,"description":"the same","examples":[8]}}}}})"},
    named_schema{"FieldError", R"({"type":"object","required":["field","message"],"additionalProperties":false,
      "properties":{"field":{"type":["string","integer"],"examples":["hotkey"],
          "description":"innermost name; for an element of a list its index, for text that is not JSON the byte"},
        "message":{"type":"string","examples":["Field required"]}}})"},
    named_schema{"ValidationProblem", R"({"type":"object","required":["success","message","err_detail"],
      "additionalProperties":false,"properties":{"success":{"type":"boolean","const":false},
        "message":{"type":"string","const":"Validation Error, Please check the request body."},
        "err_detail":{"type":"array","minItems":1,"description":"all failing fields at once",
          "items":{"$ref":"#/components/schemas/FieldError"}}}})"},
    named_schema{"Problem", R"({"type":"object","required":["success","message"],"additionalProperties":false,
      "properties":{"success":{"type":"boolean","const":false},
        "message":{"type":"string","examples":["Method Not Allowed"]},
        "err_detail":{"description":"more about it"}}})"},
    named_schema{"TooLarge", R"({"type":"object","required":["success","message"],"additionalProperties":false,
      "properties":{"success":{"type":"boolean","const":false},
        "message":{"type":"string","const":"Request body too large"}}})"},
    named_schema{"Broken", R"({"type":"object","required":["success","message"],"additionalProperties":false,
      "properties":{"success":{"type":"boolean","const":false},
        "message":{"type":"string","const":"Internal Server Error"}}})"},
    named_schema{"Unavailable", R"({"type":"object","required":["success","message"],"additionalProperties":false,
      "properties":{"success":{"type":"boolean","const":false},
        "message":{"type":"string","enum":["The service is overloaded, please try again.",
          "The service is shutting down.","The service is not ready yet, please try again.",
          "The request could not be finished in time, please try again.","Too many requests in flight",
          "Too many connections"]},
        "err_detail":{"type":"string"}}})"},
};

template <class V>
struct unwrapped {
  using type = V;
  static constexpr bool optional = false;
};
template <class V>
struct unwrapped<std::optional<V>> {
  using type = V;
  static constexpr bool optional = true;
};

template <class V>
constexpr std::string_view type_name() {
  if constexpr (std::same_as<V, bool>)
    return "boolean";
  else if constexpr (std::integral<V>)
    return "integer";
  else if constexpr (std::floating_point<V>)
    return "number";
  else {
    static_assert(std::same_as<V, std::string>, "no schema for this type of field");
    return "string";
  }
}

template <class T, class V>
json::object field_schema(const field<T, V>& f, bool of_request) {
  using value = typename unwrapped<V>::type;
  json::object s;
  if constexpr (described<value>) {
    s = reference("schemas", fields_of<value>::name);
    s["description"] = f.doc;
  } else {
    if (unwrapped<V>::optional)
      s["type"] = json::array{type_name<value>(), "null"};
    else
      s["type"] = type_name<value>();
    s["description"] = f.doc;
    if (f.check.ge) s["minimum"] = *f.check.ge;
    if (f.check.le) s["maximum"] = *f.check.le;
    if constexpr (!unwrapped<V>::optional)
      if (of_request && !f.check.required) s["default"] = T{}.*(f.member);
    s["examples"] = json::array{parsed(f.example)};
  }
  return s;
}

// A request may leave out what has a default; a reply has every field.
template <class T>
void describe(json::object& into, bool of_request) {
  json::object properties;
  json::array required;
  for_each_field<T>([&](const auto& f) {
    properties[f.name] = field_schema(f, of_request);
    if (!of_request || f.check.required) required.emplace_back(f.name);
  });
  json::object s{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) s["required"] = std::move(required);
  into[fields_of<T>::name] = std::move(s);
}

}  // namespace

json::value parsed(std::string_view text) { return json::parse(text); }

json::object reference(std::string_view kind, std::string_view name) {
  return {{"$ref", "#/components/" + std::string{kind} + "/" + std::string{name}}};
}

json::object component_schemas() {
  json::object all;
  describe<device_requirement>(all, true);
  describe<docker_requirement>(all, true);
  describe<allocate_spec_body>(all, true);
  describe<resource_query>(all, true);
  describe<allocation>(all, false);
  describe<resource>(all, false);
  for (const auto& [name, text] : others) all[name] = parsed(text);
  return all;
}

json::object schema_of(value_type type) {
  switch (type) {
    case value_type::string:
      return {{"type", "string"}};
    case value_type::integer:
      return {{"type", "integer"}};
    case value_type::number:
      return {{"type", "number"}};
    case value_type::boolean:
      return {{"type", "boolean"}};
    case value_type::list:
      return {{"type", "array"}, {"items", {{"type", "string"}}}};
    case value_type::device_docker:
      return reference("schemas", fields_of<allocate_spec_body>::name);
    case value_type::device:
      return reference("schemas", fields_of<device_requirement>::name);
    case value_type::docker:
      return reference("schemas", fields_of<docker_requirement>::name);
    case value_type::resource_query:
      return reference("schemas", fields_of<resource_query>::name);
  }
  return {};
}

json::value example_of(const json::value& schema, const json::object& components) {
  const auto& s = schema.as_object();
  const auto member = [&s](std::string_view name) { return s.if_contains(name); };
  if (const auto* v = member("examples")) return v->as_array().at(0);
  if (const auto* v = member("const")) return *v;
  if (const auto* v = member("enum")) return v->as_array().at(0);
  if (const auto* v = member("default")) return *v;
  if (const auto* v = member("$ref")) {
    const std::string_view to = v->as_string();
    return example_of(components.at(to.substr(to.rfind('/') + 1)), components);
  }
  if (const auto* v = member("anyOf")) return example_of(v->as_array().at(0), components);
  if (const auto* v = member("allOf")) {
    json::object merged;
    for (const auto& part : v->as_array()) {
      const json::value example = example_of(part, components);
      for (const auto& [name, value] : example.as_object()) merged[name] = value;
    }
    return merged;
  }
  const auto* type = member("type");
  if (!type) return "…";
  const std::string_view kind = type->is_array() ? type->as_array().at(0).as_string() : type->as_string();
  if (kind == "object") {
    json::object out;
    if (const auto* properties = member("properties"))
      for (const auto& [name, property] : properties->as_object()) out[name] = example_of(property, components);
    return out;
  }
  if (kind == "array") {
    const auto* items = member("items");
    return items ? json::array{example_of(*items, components)} : json::array{};
  }
  if (kind == "integer") return s.contains("minimum") ? s.at("minimum") : json::value(0);
  if (kind == "number") return 0.5;
  if (kind == "boolean") return true;
  if (const auto* format = member("format"); format && format->as_string() == "date-time")
    return "2026-11-25T02:00:00Z";
  return "…";
}

}  // namespace lode::http::openapi
