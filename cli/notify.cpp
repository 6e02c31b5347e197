// lode notify: webhooks, for operators.
#include "cli/session.hpp"

#include <boost/json.hpp>

#include <memory>

namespace lode::cli {
namespace {

namespace json = boost::json;

struct list_arguments {
  std::string state;
  std::optional<std::int64_t> page, page_size;
};

outcome<void> list(session& s, const list_arguments& a) {
  call c;
  c.path = "/admin/notifications";
  c.doing = "list notifications";
  if (!a.state.empty()) c.query.emplace_back("state", a.state);
  if (a.page) c.query.emplace_back("page_number", std::to_string(*a.page));
  if (a.page_size) c.query.emplace_back("page_size", std::to_string(*a.page_size));
  const auto got = s.ask(c);
  if (!got) return got.error();
  table t;
  t.columns = {{"ID"},      {"EVENT"}, {"HOTKEY", false, true},    {"STATE"}, {"TRIES", true},
               {"CREATED"}, {"NEXT"},  {"LAST ERROR", false, true}};
  const auto* page = got->data.if_object();
  const auto* items = page ? page->if_contains("page_items") : nullptr;
  if (const auto* found = items ? items->if_array() : nullptr)
    for (const auto& n : *found) {
      const auto state = text_in(n, "state");
      t.rows.push_back({text_in(n, "id"),
                        text_in(n, "event"),
                        text_in(n, "hotkey"),
                        {state, state == "dead" ? tone::bad : tone::plain},
                        text_in(n, "attempts"),
                        text_in(n, "created_at"),
                        text_in(n, "next_at"),
                        text_in(n, "last_error")});
    }
  if (t.rows.empty() && !s.json()) s.note("no notifications wait");
  return s.show(*got, t);
}

outcome<void> resend(session& s, const std::string& id, bool all) {
  if (id.empty() != all)
    return failure{ending::usage, "name one notification, or --all for every dead one", "see  lode notify list --dead"};
  call c;
  c.path = "/admin/notifications/resend";
  c.doing = "resend";
  if (!id.empty()) c.body = json::object{{"id", id}};
  const auto got = s.ask(c);
  if (!got) return got.error();
  return s.confirm(*got, "queued again: " + text_in(got->data, "count"));
}

struct test_arguments {
  std::string event = "DEALLOCATION", hotkey, uuid;
};

outcome<void> test(session& s, const test_arguments& a) {
  json::object body{{"event", a.event}};
  if (!a.hotkey.empty()) body["hotkey"] = a.hotkey;
  if (!a.uuid.empty()) body["uuid_key"] = a.uuid;
  call c;
  c.path = "/test/notify";
  c.doing = "test the webhook";
  c.body = std::move(body);
  auto got = s.ask(c);
  if (!got) {
    auto f = got.error();
    // Its 400 speaks of the receiver, not of our arguments.
    if (f.code == ending::usage) {
      f.code = ending::failed;
      f.next = "look at notify.deallocation-url and notify.status-url of the server, and at the receiver";
    }
    return f;
  }
  return s.confirm(*got, "the receiver acknowledged " + a.event);
}

}  // namespace

void add_notify(registry& r) {
  auto* c = r.add("notify", "Webhooks, for operators",
                  "  lode notify list --dead\n  lode notify resend --all\n  lode notify test --event OFFLINE\n");
  c->require_subcommand(1);
  auto la = std::make_shared<list_arguments>();
  auto* l = registry::add_to(c, "list", "List what waits to be delivered, and what was given up", "");
  auto* dead = l->add_flag_callback(
      "--dead", [la] { la->state = "dead"; }, "Only what was given up");
  l->add_flag_callback(
       "--pending", [la] { la->state = "pending"; }, "Only what still waits")
      ->excludes(dead);
  l->add_option("--page", la->page, "Which page, from 1; everything without it");
  l->add_option("--page-size", la->page_size, "Items on a page");
  r.on(l, [la](session& s) { return list(s, *la); });
  struct resend_arguments {
    std::string id;
    bool all = false;
  };
  auto ra = std::make_shared<resend_arguments>();
  auto* again = registry::add_to(c, "resend", "Deliver again what was given up", "");
  again->add_option("id", ra->id, "As  lode notify list  shows it");
  again->add_flag("--all", ra->all, "Every dead one");
  r.on(again, [ra](session& s) { return resend(s, ra->id, ra->all); });
  auto ta = std::make_shared<test_arguments>();
  auto* one = registry::add_to(c, "test", "Send one event now", "");
  one->add_option("--event", ta->event, "Which")
      ->check(CLI::IsMember({"DEALLOCATION", "ONLINE", "OFFLINE"}))
      ->capture_default_str();
  one->add_option("--hotkey", ta->hotkey, "The hotkey that it names");
  one->add_option("--uuid", ta->uuid, "The UUID that it names");
  r.on(one, [ta](session& s) { return test(s, *ta); });
}

}  // namespace lode::cli
