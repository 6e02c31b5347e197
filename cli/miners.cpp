// lode miners: what an operator sees of miners and does with them.
#include "cli/session.hpp"
#include "messages/validation.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <memory>

namespace lode::cli {
namespace {

namespace json = boost::json;

const json::array* items_of(const answer& a) {
  const auto* page = a.data.if_object();
  const auto* items = page ? page->if_contains("page_items") : nullptr;
  return items ? items->if_array() : nullptr;
}

outcome<answer> list_miners(session& s, const parameters& query) {
  call c;
  c.path = "/admin/miners";
  c.query = query;
  c.doing = "list miners";
  return s.ask(c);
}

std::string marks_of(const json::value& miner, bool reasons) {
  const auto* object = miner.if_object();
  const auto* marks = object ? object->if_contains("marks") : nullptr;
  std::string out;
  if (const auto* list = marks ? marks->if_array() : nullptr)
    for (const auto& m : *list) {
      out += (out.empty() ? "" : ", ") + text_in(m, "mark");
      if (reasons)
        out += fmt::format(" ({}{}{})", text_in(m, "reason"), text_in(m, "reason").empty() ? "" : "; ",
                           text_in(m, "since"));
    }
  return out;
}

struct list_arguments {
  std::string hotkey;
  std::optional<std::int64_t> page, page_size;
};

outcome<void> list(session& s, const list_arguments& a) {
  parameters query;
  if (!a.hotkey.empty()) {
    const auto hotkey = find_miner(s, a.hotkey);
    if (!hotkey) return hotkey.error();
    query.emplace_back("hotkey", *hotkey);
  }
  if (a.page) query.emplace_back("page_number", std::to_string(*a.page));
  if (a.page_size) query.emplace_back("page_size", std::to_string(*a.page_size));
  const auto got = list_miners(s, query);
  if (!got) return got.error();
  table t;
  t.columns = {{"HOTKEY", false, true},
               {"GPU", false, true},
               {"COUNT", true},
               {"SLOT"},
               {"STATE"},
               {"REACHABLE"},
               {"HEALTHY"},
               {"ELIGIBLE"},
               {"MARKS", false, true}};
  if (s.wide()) t.columns.insert(t.columns.end(), {{"ADDRESS"}, {"VERSION", true}, {"SIMULATED"}, {"KNOWN"}});
  const auto flag = [](std::string text) {
    const auto colour = text == "yes" ? tone::good : text == "no" ? tone::bad : tone::plain;
    return cell{text.empty() ? "-" : std::move(text), colour};
  };
  if (const auto* items = items_of(*got))
    for (const auto& m : *items) {
      const auto state = text_in(m, "state");
      std::vector<cell> row{text_in(m, "hotkey"),
                            text_in(m, "gpu_name"),
                            text_in(m, "gpu_count"),
                            text_in(m, "slot"),
                            {state.empty() ? "-" : state, tone_of_state(state)},
                            flag(text_in(m, "reachable")),
                            flag(text_in(m, "healthy")),
                            flag(text_in(m, "eligible")),
                            marks_of(m, s.wide())};
      if (s.wide())
        row.insert(row.end(), {text_in(m, "ip") + ":" + text_in(m, "port"), text_in(m, "version"),
                               text_in(m, "simulated"), text_in(m, "known")});
      t.rows.push_back(std::move(row));
    }
  if (t.rows.empty() && !s.json()) s.note("no miners");
  auto shown = s.show(*got, t);
  const auto next = text_in(got->data, "next_page_number");
  if (shown && !next.empty() && !s.json()) s.note("there is more: --page " + next);
  return shown;
}

outcome<void> set_mark(session& s, const std::string& name, const std::string& mark, const std::string& reason) {
  // Whoever blacklists names all of the hotkey: it need not be known.
  const auto hotkey = find_miner(s, name);
  if (!hotkey) return hotkey.error();
  call c;
  c.path = "/admin/mark";
  c.doing = mark;
  c.body = json::object{{"hotkey", *hotkey}, {"mark", mark}};
  if (!reason.empty()) c.body.as_object()["reason"] = reason;
  const auto got = s.ask(c);
  if (!got) return got.error();
  return s.confirm(*got, fmt::format("marked {}: {}", *hotkey, mark));
}

outcome<void> remove_mark(session& s, const std::string& name, const std::string& mark) {
  const auto hotkey = find_miner(s, name);
  if (!hotkey) return hotkey.error();
  call c;
  c.path = "/admin/unmark";
  const auto doing = "remove the mark " + mark;
  c.doing = doing;
  c.body = json::object{{"hotkey", *hotkey}, {"mark", mark}};
  const auto got = s.ask(c);
  if (!got) return got.error();
  return s.confirm(*got, fmt::format("{} is no longer marked: {}", *hotkey, mark));
}

struct explain_arguments {
  std::string hotkey;
  std::string gpu = "none";
  std::int64_t gpu_count = 1, gpu_memory = 1, cpu = 1, ram = 1, disk = 1;
  std::optional<std::int64_t> page, page_size;
};

outcome<void> explain(session& s, const explain_arguments& a) {
  const bool gpu = a.gpu != "none";
  call c;
  c.path = "/admin/explain";
  c.doing = "explain";
  c.body = json::object{{"cpu_count", a.cpu},
                        {"gpu_type", !gpu             ? ""
                                     : a.gpu == "any" ? "gpu"
                                                      : a.gpu},
                        {"gpu_size", gpu ? a.gpu_memory : 0},
                        {"gpu_count", gpu ? a.gpu_count : 0},
                        {"ram", a.ram},
                        {"hard_disk", a.disk}};
  if (!a.hotkey.empty()) {
    const auto hotkey = find_miner(s, a.hotkey);
    if (!hotkey) return hotkey.error();
    c.query.emplace_back("hotkey", *hotkey);
  }
  if (a.page) c.query.emplace_back("page_number", std::to_string(*a.page));
  if (a.page_size) c.query.emplace_back("page_size", std::to_string(*a.page_size));
  const auto got = s.ask(c);
  if (!got) return got.error();
  table t;
  t.columns = {{"HOTKEY", false, true}, {"FITS"}, {"RANK", true}, {"REASONS", false, true}};
  if (const auto* items = items_of(*got))
    for (const auto& m : *items) {
      std::string reasons;
      const auto* object = m.if_object();
      const auto* why = object ? object->if_contains("reasons") : nullptr;
      if (const auto* list = why ? why->if_array() : nullptr)
        for (const auto& one : *list) reasons += (reasons.empty() ? "" : "; ") + text_of_value(one);
      const auto fits = text_in(m, "fits");
      const auto rank = text_in(m, "rank");
      t.rows.push_back(
          {text_in(m, "hotkey"), {fits, fits == "yes" ? tone::good : tone::bad}, rank.empty() ? "-" : rank, reasons});
    }
  return s.show(*got, t);
}

}  // namespace

outcome<std::string> find_miner(session& s, const std::string& name) {
  if (looks_like_ss58(name)) return name;
  const auto all = list_miners(s, {});
  if (!all) return all.error();
  std::vector<std::string> fit;
  if (const auto* items = items_of(*all))
    for (const auto& m : *items)
      if (auto hotkey = text_in(m, "hotkey"); !name.empty() && hotkey.starts_with(name))
        fit.push_back(std::move(hotkey));
  if (fit.size() == 1) return fit.front();
  if (fit.empty())
    return failure{ending::not_found, "no miner's hotkey begins with '" + name + "'", "see  lode miners list"};
  return failure{ending::usage, fmt::format("'{}' fits {} miners", name, fit.size()), "say more of the hotkey"};
}

void add_miners(registry& r) {
  auto* c = r.add("miners", "Miners, for operators",
                  "  lode miners list -o wide\n  lode miners drain 5Gme --reason 'new driver on Friday'\n"
                  "  lode miners explain --gpu 4090 --gpu-memory 20\n");
  c->require_subcommand(1);
  auto la = std::make_shared<list_arguments>();
  auto* l = registry::add_to(c, "list", "List miners with their health and marks", "  lode miners list 5Gme -o wide\n");
  l->add_option("hotkey", la->hotkey, "Only this one");
  l->add_option("--page", la->page, "Which page, from 1; everything without it")->check(CLI::Range(1, 1'000'000'000));
  l->add_option("--page-size", la->page_size, "Items on a page")->check(CLI::Range(1, 1'000'000));
  r.on(l, [la](session& s) { return list(s, *la); });

  struct mark_arguments {
    std::string hotkey, reason;
  };
  const auto add_mark = [&](const std::string& mark, const std::string& text) {
    auto a = std::make_shared<mark_arguments>();
    auto* one = registry::add_to(c, mark, text, fmt::format("  lode miners {} 5Gme --reason 'why'\n", mark));
    one->add_option("hotkey", a->hotkey, "The miner's hotkey, or its beginning")->required();
    one->add_option("--reason", a->reason, "Why, for whoever looks later");
    r.on(one, [a, mark](session& s) { return set_mark(s, a->hotkey, mark, a->reason); });
  };
  const auto add_unmark = [&](const std::string& name, const std::string& mark, const std::string& text) {
    auto hotkey = std::make_shared<std::string>();
    auto* one = registry::add_to(c, name, text, "");
    one->add_option("hotkey", *hotkey, "The miner's hotkey, or its beginning")->required();
    r.on(one, [hotkey, mark](session& s) { return remove_mark(s, *hotkey, mark); });
  };
  add_mark("cordon", "Place nothing new on it; its renter stays");
  add_unmark("uncordon", "cordon", "Take the cordon away");
  add_mark("drain", "Place nothing new on it and let its lease run out: it cannot be extended");
  add_unmark("undrain", "drain", "Take the drain away");
  add_mark("blacklist", "Never offer it");
  add_unmark("unblacklist", "blacklist", "Take it off the blacklist");

  struct unmark_arguments {
    std::string hotkey, mark;
  };
  auto ua = std::make_shared<unmark_arguments>();
  auto* un = registry::add_to(c, "unmark", "Take any mark away, also that of a quarantine",
                              "  lode miners unmark 5Gme quarantine\n");
  un->add_option("hotkey", ua->hotkey, "The miner's hotkey, or its beginning")->required();
  un->add_option("mark", ua->mark, "Which")
      ->required()
      ->check(CLI::IsMember({"blacklist", "cordon", "drain", "quarantine"}));
  r.on(un, [ua](session& s) { return remove_mark(s, ua->hotkey, ua->mark); });

  auto ea = std::make_shared<explain_arguments>();
  auto* ex = registry::add_to(c, "explain", "Say of each miner why it would be chosen or not; nothing is placed",
                              "  lode miners explain --gpu any\n  lode miners explain 5Gme --ram 64\n");
  ex->add_option("hotkey", ea->hotkey, "Only this one");
  ex->add_option("--gpu", ea->gpu, "Part of the GPU's name, 'any', or 'none'")->capture_default_str();
  ex->add_option("--gpu-count", ea->gpu_count, "GPUs")->capture_default_str();
  ex->add_option("--gpu-memory", ea->gpu_memory, "GB")->capture_default_str();
  ex->add_option("--cpu", ea->cpu, "CPU cores")->capture_default_str();
  ex->add_option("--ram", ea->ram, "GiB")->capture_default_str();
  ex->add_option("--disk", ea->disk, "GiB")->capture_default_str();
  ex->add_option("--page", ea->page, "Which page, from 1; everything without it");
  ex->add_option("--page-size", ea->page_size, "Items on a page");
  r.on(ex, [ea](session& s) { return explain(s, *ea); });
}

}  // namespace lode::cli
