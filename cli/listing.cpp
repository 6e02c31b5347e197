// lode ls, lode show.
#include "cli/session.hpp"

#include <boost/json.hpp>

#include <memory>

namespace lode::cli {
namespace {

namespace json = boost::json;

/// Marks what the server no longer lists, so that `last` and short names mean what lives.
outcome<void> note_gone(session& s, const json::array& listed) {
  return s.state().change([&](local_state& state) {
    for (auto& r : state.allocations) {
      if (r.server != s.server_text()) continue;
      bool there = false;
      for (const auto& item : listed)
        there = there || (text_in(item, "hotkey") == r.hotkey && text_in(item, "created_at") == r.created_at);
      r.gone = !there;
    }
  });
}

bool is_ours(const local_state& state, const std::string& server, const json::value& item) {
  for (const auto& r : state.allocations)
    if (r.server == server && r.hotkey == text_in(item, "hotkey") && r.created_at == text_in(item, "created_at"))
      return true;
  return false;
}

outcome<void> ls(session& s, bool ours_only) {
  const auto listed = list_allocations(s);
  if (!listed) return listed.error();
  const auto* items = listed->data.if_array();
  if (!items) return failure{ending::failed, "list allocations: the server's answer is no list", {}};
  if (auto noted = note_gone(s, *items); !noted) return noted;
  const auto state = s.state().read();
  if (!state) return state.error();
  table t;
  t.columns = {{"HOTKEY", false, true}, {"OURS"},   {"STATE"}, {"RESOURCE", false, true},
               {"SSH", false, true},    {"EXPIRES"}};
  if (s.wide()) t.columns.insert(t.columns.end(), {{"CREATED"}, {"VERSION", true}});
  const bool people = s.term().out;
  const auto raw = raw_elements(listed->raw_data);
  std::vector<std::string_view> shown;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const auto& item = (*items)[i];
    const bool ours = is_ours(*state, s.server_text(), item);
    if (ours_only && !ours) continue;
    if (i < raw.size()) shown.push_back(raw[i]);
    const auto state_text = text_in(item, "state");
    const auto at = text_in(item, "expires_at");
    std::vector<cell> row{{text_in(item, "hotkey"), ours ? tone::strong : tone::plain},
                          ours ? "yes" : "no",
                          {state_text, tone_of_state(state_text)},
                          text_in(item, "resource"),
                          text_in(item, "ssh_ip") + ":" + text_in(item, "ssh_port"),
                          people && !s.wide() ? relative(at, now_seconds()) : at};
    if (s.wide()) row.insert(row.end(), {text_in(item, "created_at"), text_in(item, "miner_version")});
    t.rows.push_back(std::move(row));
  }
  if (t.rows.empty() && !s.json()) s.note(ours_only ? "no allocation of yours" : "no allocations");
  answer as_shown = *listed;
  if (ours_only) as_shown.raw_data = raw_array(shown);
  return s.show(as_shown, t);
}

outcome<void> show(session& s, const std::string& name, bool secrets) {
  const auto listed = list_allocations(s);
  if (!listed) return listed.error();
  const auto* items = listed->data.if_array();
  if (!items) return failure{ending::failed, "show: the server's answer is no list", {}};
  const auto state = s.state().read();
  if (!state) return state.error();
  std::string hotkey = name;
  if (const auto ours = find_ours(*state, s.server_text(), name))
    hotkey = ours->hotkey;
  else if (ours.error().code == ending::usage || name == "last")
    return ours.error();
  std::vector<std::size_t> fit;
  for (std::size_t i = 0; i < items->size(); ++i)
    if (text_in((*items)[i], "hotkey").starts_with(hotkey)) fit.push_back(i);
  if (fit.empty()) return failure{ending::not_found, "no allocation is called '" + name + "'", "see  lode ls"};
  if (fit.size() > 1)
    return failure{ending::usage, "'" + name + "' fits several allocations", "say more of the hotkey; see  lode ls"};
  const auto& found = (*items)[fit.front()];
  answer one = *listed;
  const auto raw = raw_elements(listed->raw_data);
  one.raw_data = fit.front() < raw.size() ? std::string{raw[fit.front()]} : json::serialize(found);
  std::vector<std::pair<std::string, cell>> pairs;
  for (const auto& [member, value] : found.as_object()) {
    const bool secret = member == "ssh_password" || member == "uuid_key";
    auto text = secret && !secrets && !text_of_value(value).empty() ? "(shown with --secrets)" : text_of_value(value);
    if (member == "expires_at" && s.term().out) text += "  (" + relative(text, now_seconds()) + ")";
    pairs.emplace_back(std::string{member}, member == "state" ? cell{text, tone_of_state(text)} : cell{text});
  }
  pairs.emplace_back("ours", is_ours(*state, s.server_text(), found) ? "yes" : "no");
  return s.show(one, pairs);
}

}  // namespace

void add_listing(registry& r) {
  auto ours = std::make_shared<bool>(false);
  auto* l = r.add("ls", "List allocations",
                  "  lode ls\n  lode ls --ours -o json | jq -r '.[].hotkey'\n"
                  "\nOURS: made from here, so that lode knows the UUID. -o json has passwords and UUIDs.");
  l->add_flag("--ours", *ours, "Only those made from here");
  r.on(l, [ours](session& s) { return ls(s, *ours); });

  struct arguments {
    std::string name = "last";
    bool secrets = false;
  };
  auto a = std::make_shared<arguments>();
  auto* one = r.add("show", "Show one allocation", "  lode show last --secrets\n  lode show 5Gme\n");
  one->add_option("name", a->name, "'last', a hotkey, or its beginning")->required();
  one->add_flag("--secrets", a->secrets, "Also its password and UUID");
  r.on(one, [a](session& s) { return show(s, a->name, a->secrets); });
}

}  // namespace lode::cli
