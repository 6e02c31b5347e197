// lode resources.
#include "cli/session.hpp"

#include <boost/json.hpp>

#include <memory>

namespace lode::cli {
namespace {

namespace json = boost::json;

struct filters {
  std::string gpu;
  std::optional<std::int64_t> cpu_min, cpu_max;
  std::optional<double> gpu_min, gpu_max, ram_min, ram_max, disk_min, disk_max;
  bool available = false;
  bool stats = false;
  std::optional<std::int64_t> page, page_size;
};

json::object query_of(const filters& f) {
  json::object q;
  const auto put = [&](const char* name, const auto& v) {
    if (v) q[name] = *v;
  };
  if (!f.gpu.empty()) q["gpu_name"] = f.gpu;
  put("cpu_count_min", f.cpu_min);
  put("cpu_count_max", f.cpu_max);
  put("gpu_capacity_min", f.gpu_min);
  put("gpu_capacity_max", f.gpu_max);
  put("ram_total_min", f.ram_min);
  put("ram_total_max", f.ram_max);
  put("hard_disk_total_min", f.disk_min);
  put("hard_disk_total_max", f.disk_max);
  return q;
}

outcome<void> resources(session& s, const filters& f) {
  call c;
  c.path = "/list/resources_sql";
  c.doing = "list resources";
  c.body = query_of(f);
  if (f.stats) c.query.emplace_back("stats", "true");
  if (f.page) c.query.emplace_back("page_number", std::to_string(*f.page));
  if (f.page_size) c.query.emplace_back("page_size", std::to_string(*f.page_size));
  const auto got = s.ask_list(c);
  if (!got) return got.error();
  const auto* page = got->data.if_object();
  if (f.stats) {
    std::vector<std::pair<std::string, cell>> pairs;
    const auto* stats = page ? page->if_contains("stats") : nullptr;
    for (const char* name : {"available", "reserved", "total"})
      pairs.emplace_back(name, stats ? text_in(*stats, name) : "0");
    return s.show(*got, pairs);
  }
  table t;
  t.columns = {{"HOTKEY", false, true}, {"STATUS"},    {"GPU", false, true}, {"COUNT", true},
               {"GPU GB", true},        {"CPU", true}, {"RAM GiB", true},    {"DISK GiB", true}};
  const auto* items = page ? page->if_contains("page_items") : nullptr;
  const auto raw = raw_elements(raw_member(got->raw_data, "page_items"));
  std::vector<std::string_view> kept;
  if (const auto* list = items ? items->if_array() : nullptr)
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto& item = (*list)[i];
      const auto status = text_in(item, "allocate_status");
      if (f.available && status != "available") continue;
      if (i < raw.size()) kept.push_back(raw[i]);
      t.rows.push_back({text_in(item, "hotkey"),
                        {status, tone_of_state(status)},
                        text_in(item, "gpu_name"),
                        text_in(item, "gpu_count"),
                        text_in(item, "gpu_capacity"),
                        text_in(item, "cpu_count"),
                        text_in(item, "ram"),
                        text_in(item, "hard_disk")});
    }
  if (t.rows.empty() && !s.json()) s.note("no resources");
  answer as_shown = *got;
  if (const auto at = raw_member(got->raw_data, "page_items"); f.available && !at.empty())
    as_shown.raw_data.replace(static_cast<std::size_t>(at.data() - got->raw_data.data()), at.size(), raw_array(kept));
  auto shown = s.show(as_shown, t);
  const auto next = page ? text_in(got->data, "next_page_number") : std::string{};
  if (shown && !next.empty() && !s.json()) s.note("there is more: --page " + next);
  return shown;
}

}  // namespace

void add_resources(registry& r) {
  auto f = std::make_shared<filters>();
  auto* c = r.add("resources", "List what miners offer",
                  "  lode resources --gpu 4090 --available\n  lode resources --ram-min 64 --page 1 --page-size 20\n"
                  "  lode resources --stats\n\nBounds are inclusive. --available leaves out what is rented of the "
                  "server's page, which may then be shorter.");
  c->add_option("--gpu", f->gpu, "Part of the GPU's name");
  c->add_option("--cpu-min", f->cpu_min, "CPU cores");
  c->add_option("--cpu-max", f->cpu_max, "CPU cores");
  c->add_option("--gpu-memory-min", f->gpu_min, "GB");
  c->add_option("--gpu-memory-max", f->gpu_max, "GB");
  c->add_option("--ram-min", f->ram_min, "GiB");
  c->add_option("--ram-max", f->ram_max, "GiB");
  c->add_option("--disk-min", f->disk_min, "GiB");
  c->add_option("--disk-max", f->disk_max, "GiB");
  c->add_flag("--available", f->available, "Leave out what is rented");
  c->add_flag("--stats", f->stats, "Only count");
  c->add_option("--page", f->page, "Which page, from 1; everything without it")->check(CLI::Range(1, 1'000'000'000));
  c->add_option("--page-size", f->page_size, "Items on a page")->check(CLI::Range(1, 1'000'000));
  r.on(c, [f](session& s) { return resources(s, *f); });
}

}  // namespace lode::cli
