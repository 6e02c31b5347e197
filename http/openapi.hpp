#pragma once
// The description of the API (OpenAPI 3.1), made of what also drives it: the table of endpoints and the field tables of
// messages/. An endpoint or a field that is added there is in it without another word.

#include "http/endpoint.hpp"

#include <span>
#include <string>
#include <string_view>

namespace lode::http {

/// The document as JSON text. Throws when a text of the table is no JSON: a mistake in the program, which a test finds.
std::string openapi_document(std::span<const endpoint> table, std::string_view version);

}  // namespace lode::http
