#include "actors/environment.hpp"

#include <caf/sec.hpp>
#include <spdlog/spdlog.h>

namespace lode::actors {

caf::error report_exception(const char* actor_name, const std::string& about, std::exception_ptr& e) {
  std::string what = "unknown exception";
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& x) {
    what = x.what();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the text above stands
  }
  spdlog::error("{} {} crashed: {}", actor_name, about, what);
  return caf::make_error(caf::sec::runtime_error, what);
}

}  // namespace lode::actors
