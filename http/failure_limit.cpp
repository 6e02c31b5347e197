#include "http/failure_limit.hpp"

#include <boost/asio/ip/network_v6.hpp>

namespace lode::http {
namespace {

std::string client_of(const std::optional<boost::asio::ip::address>& from) {
  if (!from) return "unknown";
  if (from->is_v4()) return from->to_string();
  return boost::asio::ip::network_v6{from->to_v6(), 64}.network().to_string();
}

}  // namespace

std::optional<std::chrono::seconds> failure_limit::failed(const std::optional<boost::asio::ip::address>& from,
                                                          clock::time_point now) {
  if (per_minute_ == 0) return std::nullopt;
  while (!by_age_.empty() && counts_.at(by_age_.front()).ends <= now) {
    counts_.erase(by_age_.front());
    by_age_.pop_front();
  }
  const auto client = client_of(from);
  auto found = counts_.find(client);
  if (found == counts_.end()) {
    if (counts_.size() >= most_addresses) {
      counts_.erase(by_age_.front());
      by_age_.pop_front();
    }
    found = counts_.emplace(client, count{0, now + window}).first;
    by_age_.push_back(client);
  }
  auto& c = found->second;
  if (c.failures < per_minute_) {
    ++c.failures;
    return std::nullopt;
  }
  return std::chrono::ceil<std::chrono::seconds>(c.ends - now);
}

}  // namespace lode::http
