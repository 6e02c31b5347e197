#include "actors/event_log.hpp"

#include "messages/event_codec.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace lode::actors {
namespace {

using storage::column;

constexpr std::size_t at_once = 10000;
constexpr std::string_view trimmed_key = "events.trimmed";  // in `meta`: the seq of the last event that was dropped

std::string event_key(std::uint64_t seq) { return seq == 0 ? std::string{} : fmt::format("{:020}", seq); }

// A kept key is the revision, with "-n" behind it from the second event of one commit on; one commit logs one event.
std::uint64_t seq_of(const std::string& key) { return std::strtoull(key.c_str(), nullptr, 10); }

std::size_t bytes_of(const storage::entry& e) { return e.key.size() + e.value.size(); }

}  // namespace

result<void> event_log::load_trimmed(const storage::store& store) {
  if (loaded_) return {};
  const auto found = store.get(column::meta, trimmed_key);
  if (!found) return found.error();
  if (*found) trimmed_ = std::strtoull((*found)->value.c_str(), nullptr, 10);
  loaded_ = true;
  return {};
}

result<event_batch> event_log::read(const storage::store& store, const read_events& r) {
  if (const auto ready = load_trimmed(store); !ready) return ready.error();
  event_batch out;
  out.dropped = trimmed_;
  out.head = store.head();
  if (r.limit == 0) return out;
  auto found = store.scan(column::events, "", event_key(r.after), r.limit);
  if (!found) return found.error();
  out.items.reserve(found->size());
  for (const auto& entry : *found) {
    const auto parts = split_event(entry.value);
    out.items.push_back({seq_of(entry.key), std::string{parts.type}, std::string{parts.payload}});
  }
  return out;
}

result<storage::batch> event_log::trim(const storage::store& store, const trim_events& bounds) {
  if (const auto ready = load_trimmed(store); !ready) return ready.error();
  auto fresh = store.scan(column::events, "", counted_to_, at_once);
  if (!fresh) return fresh.error();
  for (const auto& e : *fresh) {
    ++count_;
    bytes_ += bytes_of(e);
  }
  if (!fresh->empty()) counted_to_ = std::move(fresh->back().key);

  storage::batch writes;
  const auto too_many = [&] { return count_ > bounds.keep || bytes_ > bounds.bytes; };
  const auto cutoff = bounds.before > 0 ? rfc3339(bounds.before) : std::string{};
  // Within both bounds only the age of the oldest is of interest.
  std::size_t look = too_many() ? at_once : 1;
  const std::uint64_t before = trimmed_;
  for (;;) {
    auto old = store.scan(column::events, "", event_key(trimmed_), look);
    if (!old) return old.error();
    bool more = false;
    for (const auto& e : *old) {
      if (e.key > counted_to_ || !(too_many() || happened_before(e.value, cutoff))) break;
      writes.erase(column::events, e.key);
      trimmed_ = seq_of(e.key);
      --count_;
      bytes_ -= bytes_of(e);
      more = true;
    }
    if (!more || look != 1) break;
    look = at_once;
  }
  if (trimmed_ != before) writes.put(column::meta, std::string{trimmed_key}, std::to_string(trimmed_));
  return writes;
}

}  // namespace lode::actors
