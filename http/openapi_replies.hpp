#pragma once
// Replies in the description of the API: those of an endpoint's row and those that the edge gives for it.

#include "http/endpoint.hpp"

#include <boost/json/object.hpp>

namespace lode::http::openapi {

/// `responses` of an operation; `schemas` are components/schemas.
boost::json::object responses_of(const endpoint& e, const boost::json::object& schemas);

/// components/responses and components/headers, which responses_of() refers to.
boost::json::object component_responses(const boost::json::object& schemas);
boost::json::object component_headers();

}  // namespace lode::http::openapi
