#pragma once
// What /docs shows in a browser, embedded into the program: a page, Swagger UI and what starts it. The page asks nobody
// but this server.

#include "http/server/message.hpp"

#include <span>
#include <string_view>

namespace lode::http {

struct docs_asset {
  std::string_view path;
  std::string_view content_type;
  std::string_view text;  ///< lives as long as the program
};

/// The page at /docs itself.
const docs_asset& docs_page();
/// What it needs, below /docs/.
std::span<const docs_asset> docs_assets();

/// 200 with the asset, under a policy that runs no script but those of this server. The asset must outlive the task.
task<response> serve(const docs_asset& asset);

}  // namespace lode::http
