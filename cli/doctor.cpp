// lode doctor: looks at a set-up and says of each part whether it is well, and what to do where it is not.
#include "cli/doctor_checks.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace lode::cli {
namespace {

namespace json = boost::json;

struct arguments {
  std::string loded_config;
  std::string miner_config;
  std::string wallet;
  std::string engine;
  std::string store;
};

/// Server: reachable, ready, version, certificate, clock.
void check_server(session& s, const destination& to, std::vector<finding>& out) {
  const auto ask = [&](std::string_view path) {
    call c;
    c.method = "GET";
    c.path = path;
    c.doing = "doctor";
    c.waits_for = "asking the server";
    spinner spin{s.term(), c.waits_for};
    return s.send(c, spin);
  };
  const auto alive = ask("/healthz");
  const auto where = to.to.url.text();
  if (!alive) {
    const auto f = failure_of(alive.error(), to.to.url, "no answer");
    out.push_back({grade::fail, "server", f.what, f.next});
    return;
  }
  if (alive->status != 200) {
    out.push_back({grade::fail, "server", fmt::format("{} answers /healthz with {}", where, alive->status),
                   "is that address the one of a loded?"});
    return;
  }
  out.push_back({grade::ok, "server", where + " answers", {}});
  const auto ready = ask("/readyz");
  if (ready && ready->status == 200) {
    const auto opened = open_reply(*ready, "doctor");
    const auto miners = opened ? text_in(opened->data, "miners") : "";
    const auto allocations = opened ? text_in(opened->data, "allocations") : "";
    const bool none = miners == "0";
    out.push_back({none ? grade::warn : grade::ok, "ready",
                   fmt::format("{} miners, {} allocations", miners, allocations),
                   none ? "without miners nothing can be rented: see miners.file" : ""});
    const auto* data = opened ? opened->data.if_object() : nullptr;
    const auto* aside = data ? data->if_contains("set_aside") : nullptr;
    if (const auto* list = aside ? aside->if_array() : nullptr; list && !list->empty())
      out.push_back({grade::warn, "set aside", fmt::format("{} miners whose actors keep crashing", list->size()),
                     "the server's log tells why; report it"});
  } else {
    const auto opened =
        ready ? open_reply(*ready, "readyz") : outcome<answer>{failure_of(ready.error(), to.to.url, "readyz")};
    out.push_back({grade::fail, "ready", opened ? "not ready" : opened.error().what,
                   "wait for the recovery; see the server's log"});
  }
  const auto document = ask("/openapi.json");
  boost::system::error_code ec;
  const auto parsed = document && document->status == 200 ? json::parse(document->body, ec) : json::value{};
  const auto* root = ec ? nullptr : parsed.if_object();
  const auto* info = root ? root->if_contains("info") : nullptr;
  const auto version = info ? text_in(*info, "version") : "";
  if (version.empty())
    out.push_back({grade::warn, "version", "the server does not tell its version",
                   "it is older than this lode (" LODE_VERSION ")"});
  else
    out.push_back({version == LODE_VERSION ? grade::ok : grade::warn, "version",
                   fmt::format("server {}, lode {}", version, LODE_VERSION),
                   version == LODE_VERSION ? "" : "use the same version of both"});
  // A call that needs the role read.
  call c;
  c.path = "/list/resources_sql";
  c.query = {{"stats", "true"}};
  c.doing = "access";
  const auto access = s.ask_list(c);
  if (access)
    out.push_back(
        {grade::ok, "access", to.to.api_key.empty() ? "open to us without a key" : "the API key is good", {}});
  else
    out.push_back({grade::fail, "access", access.error().what, access.error().next});
  if (to.to.url.tls) out.push_back(grade_certificate("server's certificate", alive->certificate_end, now_seconds()));
  out.push_back(grade_clock(alive->date, now_seconds()));
}

outcome<void> doctor(session& s, const arguments& a) {
  const auto to = s.server();
  if (!to) return to.error();
  std::vector<finding> out;
  check_server(s, **to, out);
  const auto& tls = (*to)->to.tls;
  for (const auto& [name, file] : {std::pair{"authority", tls.ca}, std::pair{"own certificate", tls.certificate}})
    if (!file.empty()) out.push_back(check_certificate(name, file));
  if (!(*to)->key_file.empty()) out.push_back(check_private_file("API key", (*to)->key_file));
  out.push_back(check_private_file("local state", s.state().path()));
  out.push_back(check_ssh(s.env()));
  host_settings host{a.wallet, a.engine, a.store, {}, {}, {}, 0, 0};
  read_settings_files(a.loded_config, a.miner_config, host, out);
  if (!host.wallet.empty()) out.push_back(check_wallet(s.env().expanded(host.wallet)));
  check_engines(host.engine, out);
  if (!host.store.empty()) out.push_back(check_space(s.env().expanded(host.store)));
  check_ports(host, out);

  table t;
  t.columns = {{"", false}, {"CHECK"}, {"FOUND", false, true}, {"WHAT TO DO", false, true}};
  json::array list;
  bool failed = false;
  for (const auto& f : out) {
    failed = failed || f.verdict == grade::fail;
    const std::string word = f.verdict == grade::ok ? "ok" : f.verdict == grade::warn ? "warn" : "fail";
    const auto colour = f.verdict == grade::ok ? tone::good : f.verdict == grade::warn ? tone::strong : tone::bad;
    t.rows.push_back({{word, colour}, f.what, f.found, f.next});
    list.push_back(json::object{{"verdict", word}, {"check", f.what}, {"found", f.found}, {"next", f.next}});
  }
  auto shown = outcome<void>{};
  if (s.json() || !s.term().out) {
    answer as_list;
    as_list.raw_data = json::serialize(list);
    shown = s.show(as_list, t);
  } else {
    // What to do is worth a line of its own that is not cut.
    std::string text;
    for (const auto& row : t.rows) {
      text += fmt::format("{}{}  {}: {}\n", coloured(row[0].text, row[0].colour, s.term().colours),
                          std::string(4 - row[0].text.size(), ' '), harmless(row[1].text), harmless(row[2].text));
      if (!row[3].text.empty()) text += fmt::format("      {}\n", harmless(row[3].text));
    }
    shown = s.print(text);
  }
  if (!shown) return shown;
  if (failed) return failure{ending::failed, {}, {}};
  return {};
}

}  // namespace

void add_doctor(registry& r) {
  auto a = std::make_shared<arguments>();
  auto* c = r.add(
      "doctor", "Look whether everything is set up well",
      "  lode doctor\n  lode doctor --loded-config /etc/loded.toml\n"
      "  lode doctor --miner-config /etc/lode-miner.toml\n"
      "\nEach line is ok, warn or fail, with what to do. The exit status is 1 when one fails. The files of settings\n"
      "are those of loded and lode-miner on this host; without them only what is found by itself is looked at.");
  c->add_option("--loded-config", a->loded_config, "Settings of the loded on this host")->type_name("FILE");
  c->add_option("--miner-config", a->miner_config, "Settings of the lode-miner on this host")->type_name("FILE");
  c->add_option("--wallet", a->wallet, "A hotkey file")->type_name("FILE");
  c->add_option("--engine", a->engine, "Socket of the container engine")->type_name("SOCKET");
  c->add_option("--store", a->store, "The store's folder, for its free space")->type_name("FOLDER");
  r.on(c, [a](session& s) { return doctor(s, *a); });
}

}  // namespace lode::cli
