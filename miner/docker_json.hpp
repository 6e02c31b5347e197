#pragma once
// What the Docker Engine API's bodies look like, read leniently since Docker and Podman write them differently. Pure.

#include "miner/engine.hpp"
#include "miner/unix_http.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lode::miner {

/// Body of POST /containers/create. Podman ignores a GPU device request without saying so, so it gets device nodes.
std::string create_body(const container_spec& spec, engine_dialect dialect);

/// The error that an answer other than success means; `what` names the call. Judged by status and by words, because
/// Podman answers 500 where Docker answers 409.
error engine_error(const unix_reply& reply, std::string_view what);

/// Percent-encoded value of the `filters` parameter for label key=value.
std::string label_filter(std::string_view key, std::string_view value);

std::string id_of(std::string_view body);
result<container_state> parse_inspect(std::string_view body);
result<container_stats> parse_stats(std::string_view body);
result<std::vector<container_state>> parse_container_list(std::string_view body);
result<image_info> parse_image(std::string_view body);
result<std::vector<image_info>> parse_image_list(std::string_view body);

}  // namespace lode::miner
