#include "http/page_cache.hpp"

#include "http/arguments.hpp"

namespace lode::http {
namespace {

// The same bytes under another content-type ask for something else.
bool is_plain(const request& req) { return req.body.empty() || claims_json(req); }

}  // namespace

void page_cache::drop_all() {
  by_key_.clear();
  order_.clear();
  bytes_ = 0;
}

void page_cache::look_at_clock() {
  const auto now = clock_->now();
  if (now == at_) return;
  drop_all();
  at_ = now;
}

const std::string& page_cache::key_of(const request& req) {
  // A target holds no line break, so no other pair of the two reads the same.
  key_.assign(req.target).append(1, '\n').append(req.body);
  return key_;
}

std::string_view page_cache::find(const request& req) {
  if (!clock_ || !is_plain(req)) return {};
  look_at_clock();
  const auto it = by_key_.find(key_of(req));
  if (it == by_key_.end()) return {};
  order_.splice(order_.begin(), order_, it->second);
  return it->second->body;
}

void page_cache::keep(const request& req, std::uint64_t asked_at, const response& answer) {
  if (!clock_ || answer.status != 200 || answer.body.size() > bounds_.largest || !is_plain(req)) return;
  look_at_clock();
  if (at_ != asked_at) return;
  const auto& key = key_of(req);
  if (by_key_.contains(key)) return;  // another request like it was faster
  order_.push_front({key, answer.body});
  by_key_.emplace(order_.front().key, order_.begin());
  bytes_ += order_.front().bytes();
  while (order_.size() > bounds_.entries || bytes_ > bounds_.bytes) {
    bytes_ -= order_.back().bytes();
    by_key_.erase(order_.back().key);
    order_.pop_back();
  }
}

}  // namespace lode::http
