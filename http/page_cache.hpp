#pragma once
// page_cache: replies to listings, kept as bytes for as long as nothing that they show has changed.

#include "http/server/message.hpp"
#include "messages/listing_clock.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lode::http {

/// One for an edge; its functions run on the io thread. Two requests are the same when target and body are; one whose
/// body is not read (see claims_json) is not looked at.
class page_cache {
 public:
  struct limits {
    std::size_t entries = 1024;
    std::size_t bytes = 32U << 20U;   ///< of all replies with what they answer
    std::size_t largest = 4U << 20U;  ///< a longer reply is not kept
  };
  /// Without a clock nothing is ever kept.
  page_cache(std::shared_ptr<const listing_clock> clock, limits bounds) : clock_(std::move(clock)), bounds_(bounds) {}

  /// The body that answers `req`, as long as it is true; empty: ask, and keep() what is answered. Valid until the next
  /// call.
  [[nodiscard]] std::string_view find(const request& req);
  /// When it is read before the actors are asked: what keep() needs to know.
  [[nodiscard]] std::uint64_t now() const noexcept { return clock_ ? clock_->now() : 0; }
  /// Keeps the body of a 200 unless something changed since `asked_at`; the oldest give way.
  void keep(const request& req, std::uint64_t asked_at, const response& answer);

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

 private:
  struct page {
    std::string key;
    std::string body;
    [[nodiscard]] std::size_t bytes() const noexcept { return key.size() + body.size(); }
  };
  void drop_all();
  /// Forgets everything once the clock has moved.
  void look_at_clock();
  const std::string& key_of(const request& req);

  std::shared_ptr<const listing_clock> clock_;
  limits bounds_;
  std::uint64_t at_ = 0;   // all pages are of this time
  std::list<page> order_;  // the one used last comes first
  std::unordered_map<std::string_view, std::list<page>::iterator> by_key_;
  std::size_t bytes_ = 0;
  std::string key_;  // its memory is used again
};

}  // namespace lode::http
