#include "actors/access.hpp"

#include "actors/environment.hpp"
#include "actors/guarded.hpp"
#include "actors/ledger_rows.hpp"
#include "config/logging.hpp"
#include "messages/caf_error.hpp"
#include "storage/rocksdb_store.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

namespace lode::actors {
namespace {

error not_a_name() { return {errc::bad_request, "the name must be 1 to 64 characters of A-Z a-z 0-9 . _ @ + -"}; }
error too_many() { return {errc::bad_request, "there are too many keys already; revoke some"}; }

commit_row row_of(const api_key& k) {
  commit_row row;
  row.kind = row_kind::api_key;
  row.key = k.id;
  row.value = encode(k);
  return row;
}

}  // namespace

result<std::vector<api_key>> load_keys(const storage::store& s) {
  const auto place = place_of(row_kind::api_key);
  auto found = s.scan(place.in, place.prefix);
  if (!found) return found.error();
  std::vector<api_key> out;
  for (const auto& entry : *found) {
    auto k = decode_api_key(entry.key.substr(place.prefix.size()), entry.value);
    if (!k) return k.error();
    out.push_back(std::move(*k));
  }
  return out;
}

result<std::size_t> count_keys(const std::string& store_path) {
  const auto place = place_of(row_kind::api_key);
  return storage::count_in_rocksdb_store(store_path, place.in, place.prefix);
}

result<added_key> add_admin_key(storage::store& s, const std::string& name, unix_ms now) {
  if (!is_key_name(name)) return not_a_name();
  const auto there = load_keys(s);
  if (!there) return there.error();
  if (there->size() >= most_keys) return too_many();
  auto made = crypto::make_api_key(name, role::admin, "loded --add-admin-key", now);
  const auto place = place_of(row_kind::api_key);
  const auto key = std::string{place.prefix}.append(made.key.id);
  storage::commit_request request;
  request.preconditions.push_back({place.in, key, 0});
  request.writes.put(place.in, key, encode(made.key));
  const auto outcome = s.commit({&request, 1});
  if (!outcome) return outcome.error();
  if (!outcome->front()) return outcome->front().error();
  return made;
}

void access_state::hang() {
  std::vector<api_key> all;
  all.reserve(keys_.size());
  for (const auto& [id, k] : keys_) all.push_back(k);
  options_.board->hang(std::make_shared<const crypto::key_ring>(all));
}

caf::result<added_key> access_state::add(const add_key& a) {
  if (!is_key_name(a.name)) return to_caf(not_a_name());
  if (keys_.size() >= most_keys) return to_caf(too_many());
  if (keys_.empty() && a.grants != role::admin)
    return to_caf(errc::bad_request, "the first key must be an admin's, or nobody could make another one");
  auto made = crypto::make_api_key(a.name, a.grants, a.ctx.caller, options_.now());
  auto row = row_of(made.key);
  auto promise = self_->make_response_promise<added_key>();
  guarded<added_key> answer{promise};
  // Awaited, here and below: what the next change may do depends on what became of this one.
  self_->request(options_.ledger, caf::infinite, std::move(row))
      .await(
          [this, answer, made = std::move(made), id = a.ctx.request_id](const committed&) {
            keys_.emplace(made.key.id, made.key);
            hang();
            config::log_for(id, spdlog::level::info, "API key {} of {} was added, role {}", made.key.id, made.key.name,
                            to_string(made.key.grants));
            answer.deliver(made);
          },
          [answer](const caf::error& e) { answer.fail(e); });
  return promise;
}

caf::result<done> access_state::revoke(const revoke_key& r) {
  const auto found = keys_.find(r.id);
  if (found == keys_.end()) return to_caf(errc::not_found, "No such key.");
  const auto admins =
      std::count_if(keys_.begin(), keys_.end(), [](const auto& k) { return k.second.grants == role::admin; });
  if (found->second.grants == role::admin && admins == 1)
    return to_caf(errc::bad_request, "it is the last key of an admin: add another one first");
  commit_row row;
  row.kind = row_kind::api_key;
  row.key = r.id;
  row.erase = true;
  auto promise = self_->make_response_promise<done>();
  guarded<done> answer{promise};
  self_->request(options_.ledger, caf::infinite, std::move(row))
      .await(
          [this, answer, id = r.id, request = r.ctx.request_id](const committed&) {
            keys_.erase(id);
            hang();
            config::log_for(request, spdlog::level::info, "API key {} was revoked", id);
            answer.deliver(done{});
          },
          [answer](const caf::error& e) { answer.fail(e); });
  return promise;
}

void access_state::used(const key_used& u) {
  const auto found = keys_.find(u.id);
  if (found == keys_.end()) return;  // revoked meanwhile
  auto& k = found->second;
  k.last_used_at = std::max(k.last_used_at, u.at);
  // What it came to changes nothing: the next use is written again, and a store that fails ends the process.
  self_->request(options_.ledger, caf::infinite, row_of(k)).await([](const committed&) {}, [](const caf::error&) {});
}

access_actor::behavior_type access_state::behavior(access_options options) {
  options_ = std::move(options);
  for (auto& k : options_.keys) keys_.emplace(k.id, std::move(k));
  hang();
  return {
      [this](const list_keys&) {
        key_list out;
        for (const auto& [id, k] : keys_) out.items.push_back(k);
        std::stable_sort(out.items.begin(), out.items.end(),
                         [](const auto& a, const auto& b) { return a.created_at < b.created_at; });
        return out;
      },
      [this](const add_key& a) { return add(a); },
      [this](const revoke_key& r) { return revoke(r); },
      [this](const key_used& u) { used(u); },
  };
}

access_actor::behavior_type access(access_actor::stateful_pointer<access_state> self, access_options options) {
  self->set_exception_handler([](std::exception_ptr& e) { return report_exception("access", "", e); });
  return self->state.behavior(std::move(options));
}

}  // namespace lode::actors
