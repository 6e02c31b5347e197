// Replies kept under idempotency keys.

#include "actors/ledger.hpp"
#include "messages/caf_error.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

namespace lode::actors {
namespace {

using storage::column;

/// Sealed for their key, so that one cannot be moved to another.
std::string place_of(const std::string& key) { return "idempotency/" + key; }

}  // namespace

void ledger_state::keep(waiting& w, const kept_reply& reply) {
  w.request.preconditions.push_back({column::idempotency, reply.key, 0});
  w.request.writes.put(column::idempotency, reply.key, encode(reply, [&](std::string_view plain) {
                         return options_.sealer->seal(plain, place_of(reply.key));
                       }));
}

caf::result<kept_replies> ledger_state::load(const load_reply& l) {
  // The asker wants to know what became of a commit that may still be in the queue.
  commit_all();
  if (broken_) return to_caf(*broken_);
  auto found = options_.store->get(column::idempotency, l.key);
  if (!found) return to_caf(found.error());
  kept_replies out;
  if (!*found) return out;
  auto reply = decode_kept_reply(l.key, (*found)->value,
                                 [&](std::string_view text) { return options_.sealer->open(text, place_of(l.key)); });
  if (!reply) return to_caf(error{errc::store_damaged, "a kept reply does not read: " + reply.error().detail});
  out.items.push_back(std::move(*reply));
  return out;
}

caf::result<kept_replies> ledger_state::load(const load_reply_index& l) {
  auto found = options_.store->scan(column::idempotency, "", l.after, l.limit);
  if (!found) return to_caf(found.error());
  kept_replies out;
  out.items.reserve(found->size());
  for (auto& entry : *found) {
    auto reply = decode_kept_reply(entry.key, entry.value, {});
    // To forget a key could make a second allocation of one call: better not to start.
    if (!reply) return to_caf(error{errc::store_damaged, "a kept reply does not read: " + reply.error().detail});
    out.items.push_back(std::move(*reply));
  }
  return out;
}

}  // namespace lode::actors
