#pragma once
// Schemas of the description of the API: those of the value types, made from the field tables of messages/, and those
// of what has no table. Pure; any thread. Only openapi*.cpp includes this.

#include "http/endpoint.hpp"

#include <boost/json/value.hpp>

#include <string_view>

namespace lode::http::openapi {

/// components/schemas, by name.
boost::json::object component_schemas();

/// The schema of a value as a parameter or body has it: inline for scalars, else a reference to a component.
boost::json::object schema_of(value_type type);

/// {"$ref": "#/components/KIND/NAME"}
boost::json::object reference(std::string_view kind, std::string_view name);

/// A value that `schema` allows, out of its examples, constants, enumerations and properties. `components` are the
/// schemas that references name.
boost::json::value example_of(const boost::json::value& schema, const boost::json::object& components);

/// JSON text of a table as a value. Throws when it is not JSON: a mistake in a table, which a test finds.
boost::json::value parsed(std::string_view text);

}  // namespace lode::http::openapi
