#include "http/endpoint.hpp"

#include <vector>

namespace lode::http {

std::span<const endpoint> endpoints() {
  static const std::vector<endpoint> all = [] {
    std::vector<endpoint> out;
    for (const auto group :
         {process_endpoints(), service_endpoints(), listing_endpoints(), admin_endpoints(), key_endpoints()})
      out.insert(out.end(), group.begin(), group.end());
    return out;
  }();
  return all;
}

}  // namespace lode::http
