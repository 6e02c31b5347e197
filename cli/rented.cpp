// What a renter does with an allocation: release, pause, unpause, restart, key, extend, check.
#include "cli/session.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <memory>

namespace lode::cli {
namespace {

namespace json = boost::json;

struct target {
  std::string name;
  std::string uuid;
};

/// A subcommand about one allocation.
std::shared_ptr<target> about_one(CLI::App* c) {
  auto t = std::make_shared<target>();
  c->add_option("name", t->name, "'last', a hotkey, or its beginning")->required();
  c->add_option("--uuid", t->uuid, "The allocation's UUID, where it was not made from here");
  return t;
}

/// Scalars go in the body: a query ends up in the logs of what is in between.
json::object body_of(const remembered& r) { return {{"hotkey", r.hotkey}, {"uuid_key", r.uuid}}; }

outcome<answer> act(session& s, const remembered& r, std::string_view path, std::string_view doing, json::object body) {
  call c;
  c.path = path;
  c.doing = doing;
  c.body = std::move(body);
  // A loded may try three times to reach a miner before it answers.
  c.time = std::max(s.timeout(), milliseconds{310'000});
  auto got = s.ask(c);
  if (!got && got.error().code == ending::not_found) {
    const auto marked = s.state().change([&](local_state& state) { forget(state, r.hotkey, r.uuid); });
    if (!marked) return marked.error();
  }
  return got;
}

void add_action(registry& r, const std::string& name, const std::string& text, const std::string& path,
                const std::string& done) {
  auto* c = r.add(name, text, fmt::format("  lode {} last\n", name));
  auto t = about_one(c);
  r.on(c, [t, name, path, done](session& s) -> outcome<void> {
    const auto found = find_allocation(s, t->name, t->uuid);
    if (!found) return found.error();
    const auto got = act(s, *found, path, name, body_of(*found));
    if (!got) return got.error();
    return s.confirm(*got, done + " " + found->hotkey);
  });
}

outcome<void> release(session& s, const target& t, bool notify) {
  const auto found = find_allocation(s, t.name, t.uuid);
  if (!found) return found.error();
  auto body = body_of(*found);
  if (notify) body["notify_flag"] = true;
  const auto got = act(s, *found, "/service/deallocate", "release", std::move(body));
  if (!got) return got.error();
  auto kept = s.state().change([&](local_state& state) { forget(state, found->hotkey, found->uuid); });
  if (!kept) return kept;
  return s.confirm(*got, "released " + found->hotkey);
}

outcome<void> exchange_key(session& s, const target& t, const std::string& file, bool for_terminal) {
  const auto key = read_ssh_key(file, s.env());
  if (!key) return key.error();
  const auto found = find_allocation(s, t.name, t.uuid);
  if (!found) return found.error();
  auto body = body_of(*found);
  body["ssh_key"] = *key;
  body["key_type"] = for_terminal ? "terminal" : "user";
  const auto got = act(s, *found, "/service/exchange_docker_key", "key", std::move(body));
  if (!got) return got.error();
  if (!for_terminal) {
    auto kept = s.state().change([&](local_state& state) {
      for (auto& r : state.allocations)
        if (r.hotkey == found->hotkey && r.uuid == found->uuid) r.identity = identity_of(file, s.env());
    });
    if (!kept) return kept;
  }
  return s.confirm(*got, "exchanged the key of " + found->hotkey);
}

outcome<void> extend(session& s, const target& t, std::int64_t days) {
  const auto found = find_allocation(s, t.name, t.uuid);
  if (!found) return found.error();
  auto body = body_of(*found);
  body["days"] = days;
  const auto got = act(s, *found, "/service/extend", "extend", std::move(body));
  if (!got) return got.error();
  const auto until = text_in(got->data, "expires_at");
  auto kept = s.state().change([&](local_state& state) {
    for (auto& r : state.allocations)
      if (r.hotkey == found->hotkey && r.uuid == found->uuid) r.expires_at = until;
  });
  if (!kept) return kept;
  return s.confirm(*got, fmt::format("extended {} until {}", found->hotkey, until));
}

outcome<void> check(session& s, const target& t) {
  const auto found = find_allocation(s, t.name, t.uuid);
  if (!found) return found.error();
  const auto got = act(s, *found, "/service/check_port", "check", body_of(*found));
  if (!got) return got.error();
  std::vector<std::pair<std::string, cell>> pairs;
  if (const auto* data = got->data.if_object())
    for (const auto& [name, value] : *data) {
      const auto text = value.is_null() ? std::string{"unknown"} : text_of_value(value);
      pairs.emplace_back(std::string{name}, cell{text, text == "open" || text == "yes" ? tone::good : tone::plain});
    }
  return s.show(*got, pairs);
}

}  // namespace

void add_rented(registry& r) {
  auto* rel = r.add("release", "Give a container back", "  lode release last\n  lode release 5Gme --uuid 9734f6d0-…\n");
  auto rt = about_one(rel);
  auto notify = std::make_shared<bool>(false);
  rel->add_flag("--notify", *notify, "Also send the DEALLOCATION webhook");
  r.on(rel, [rt, notify](session& s) { return release(s, *rt, *notify); });

  add_action(r, "pause", "Freeze a container; it stays yours", "/service/pause_docker", "paused");
  add_action(r, "unpause", "Let a paused container go on", "/service/unpause_docker", "unpaused");
  add_action(r, "restart", "Restart a container", "/service/restart_docker", "restarted");

  struct key_arguments {
    std::string file;
    bool for_terminal = false;
  };
  auto* key = r.add("key", "Exchange the SSH key that may log in", "  lode key last --ssh-key ~/.ssh/other.pub\n");
  auto kt = about_one(key);
  auto ka = std::make_shared<key_arguments>();
  key->add_option("--ssh-key", ka->file, "The new public key, - for standard input")->required()->type_name("FILE|-");
  key->add_flag("--terminal", ka->for_terminal, "Exchange the line of the web terminal instead of the user's");
  r.on(key, [kt, ka](session& s) { return exchange_key(s, *kt, ka->file, ka->for_terminal); });

  auto* ext = r.add("extend", "Make a lease longer", "  lode extend last --days 7\n");
  auto et = about_one(ext);
  auto days = std::make_shared<std::int64_t>(0);
  ext->add_option("--days", *days, "Days to add")->required()->check(CLI::Range(1, 36'500));
  r.on(ext, [et, days](session& s) { return extend(s, *et, *days); });

  auto* chk = r.add("check", "Look at the SSH port and health of an allocation now", "  lode check last\n");
  auto ct = about_one(chk);
  r.on(chk, [ct](session& s) { return check(s, *ct); });
}

}  // namespace lode::cli
