// lode allocate.
#include "cli/session.hpp"

#include <boost/json.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <fmt/format.h>

#include <memory>
#include <unistd.h>

namespace lode::cli {
namespace {

namespace json = boost::json;

constexpr int most_tries = 6;
constexpr milliseconds first_pause{1000};
constexpr milliseconds longest_pause{15'000};
constexpr milliseconds least_time{330'000};  // a loded answers every request within 300 s
constexpr std::string_view doing = "allocate";

struct wishes {
  std::string gpu;
  std::optional<std::int64_t> gpu_count, gpu_memory;
  std::int64_t cpu = 1, ram = 1, disk = 1;
  std::optional<std::int64_t> days;
  std::string hotkey;
  std::string image = "ubuntu";
  std::string ssh_key;
  bool no_ssh_key = false;
  std::string dockerfile;
  bool wait_ssh = false;
  bool secrets = false;
};

/// A GPU is asked for by any of its options; none of them: the machine need not have one.
json::object requirements_of(const wishes& w) {
  const bool any = w.gpu.empty() ? w.gpu_count.has_value() || w.gpu_memory.has_value() : w.gpu != "none";
  json::object out;
  out["cpu_count"] = w.cpu;
  out["gpu_type"] = !any ? "" : w.gpu.empty() || w.gpu == "any" ? "gpu" : w.gpu;
  // 0 would switch off every condition on GPUs, the name's too.
  out["gpu_size"] = any ? std::max<std::int64_t>(w.gpu_memory.value_or(1), 1) : 0;
  out["gpu_count"] = any ? w.gpu_count.value_or(1) : 0;
  out["ram"] = w.ram;
  out["hard_disk"] = w.disk;
  out["timeline"] = w.days.value_or(90);
  return out;
}

outcome<call> call_of(const wishes& w, const std::string& key, const environment& env) {
  json::object docker;
  docker["base_image"] = w.image;
  docker["ssh_key"] = key;
  if (!w.dockerfile.empty()) {
    auto text = read_file(env.expanded(w.dockerfile));
    if (!text) return failure{ending::usage, "--dockerfile: " + text.error().what, {}};
    docker["dockerfile"] = *text;
  }
  call c;
  c.doing = doing;
  c.waits_for = "waiting for a container";
  if (w.hotkey.empty()) {
    c.path = "/service/allocate_spec";
    c.body = json::object{{"requirements", requirements_of(w)}, {"docker_requirement", docker}};
  } else {
    c.path = "/service/allocate_hotkey";
    c.query = {{"hotkey", w.hotkey}};
    c.body = docker;
  }
  return c;
}

/// Sends the call until it has a definite answer, or no patience is left. The idempotency key makes that safe.
outcome<answer> send_until_answered(session& s, const call& c) {
  auto pause = first_pause;
  for (int n = 1;; ++n) {
    spinner spin{s.term(), c.waits_for};
    const auto reply = s.send(c, spin);
    auto opened =
        reply ? open_reply(*reply, doing) : outcome<answer>{failure_of(reply.error(), (*s.server())->to.url, doing)};
    if (opened || !may_come_right(opened.error()) || n == most_tries) return opened;
    // A certificate does not become good by asking again.
    if (!reply && reply.error().problem == wire_problem::untrusted) return opened;
    const auto wait = pause_before_retry(reply ? reply->retry_after : "", pause);
    s.note(fmt::format("{}; trying again ({} of {})", opened.error().what, n + 1, most_tries));
    spin.say("waiting to try again");
    if (!wait_for(wait, [&spin] { spin.turn(); })) return failure{ending::interrupted, "interrupted", {}};
    pause = std::min(pause * 2, longest_pause);
  }
}

remembered remembered_from(const json::value& data, const std::string& server, const std::string& identity) {
  remembered r;
  r.hotkey = text_in(data, "hotkey");
  r.uuid = text_in(data, "uuid_key");
  r.server = server;
  r.ssh_ip = text_in(data, "ssh_ip");
  const auto port = text_in(data, "ssh_port");
  r.ssh_port = std::strtoll(port.c_str(), nullptr, 10);
  r.ssh_username = text_in(data, "ssh_username");
  r.identity = identity;
  r.created_at = text_in(data, "created_at");
  r.expires_at = text_in(data, "expires_at");
  return r;
}

outcome<void> wait_for_ssh(session& s, const remembered& r) {
  constexpr milliseconds bound{120'000};
  spinner spin{s.term(), "waiting for SSH"};
  patience p;
  p.connect = milliseconds{5000};
  p.whole = bound;
  p.on_tick = [&spin] { spin.turn(); };
  const auto up = ssh_greets(r.ssh_ip, std::to_string(r.ssh_port), p);
  if (!up) return failure{ending::interrupted, "interrupted; the allocation stands: lode ssh last", {}};
  if (*up) return {};
  return failure{ending::unreachable,
                 fmt::format("{}:{} does not greet as an SSH server within two minutes", r.ssh_ip, r.ssh_port),
                 "the allocation stands: try  lode ssh last , or give it back with  lode release last"};
}

outcome<void> print_result(session& s, const answer& a, const remembered& r, bool secrets) {
  std::vector<std::pair<std::string, cell>> pairs{{"hotkey", cell{r.hotkey, tone::strong}},
                                                  {"resource", text_in(a.data, "resource")},
                                                  {"ssh", text_in(a.data, "ssh_command")},
                                                  {"expires", r.expires_at}};
  if (secrets) {
    pairs.emplace_back("password", text_in(a.data, "ssh_password"));
    pairs.emplace_back("uuid", r.uuid);
  }
  auto shown = s.show(a, pairs);
  if (shown && !s.json()) s.note("log in:  lode ssh last      give it back:  lode release last");
  return shown;
}

outcome<void> allocate(session& s, wishes& w) {
  const auto to = s.server();
  if (!to) return to.error();
  constexpr std::string_view usual = "~/.ssh/id_ed25519.pub";
  if (w.ssh_key.empty() && !w.no_ssh_key && file_exists(s.env().expanded(usual))) w.ssh_key = usual;
  std::string key;
  if (!w.ssh_key.empty()) {
    auto read = read_ssh_key(w.ssh_key, s.env());
    if (!read) return read.error();
    key = std::move(*read);
  }
  auto c = call_of(w, key, s.env());
  if (!c) return c.error();
  c->time = std::max(s.timeout(), least_time);

  // Stored before anything is sent: whatever becomes of us, the same command asks for the same container.
  const auto request = fmt::format("{} {} {}", s.server_text(), target_of(c->path, c->query), json::serialize(c->body));
  claimed_call mine;
  auto stored = s.state().change([&](local_state& state) {
    const auto fresh = boost::uuids::to_string(boost::uuids::random_generator{}());
    mine = claim_call(state, request, now_seconds(), ::getpid(), start_of_process, fresh);
  });
  if (!stored) return stored;
  if (mine.resumed)
    fmt::print(stderr, "lode: going on with the same allocate of {} ago, whose outcome is not known here\n",
               span_text(std::chrono::seconds{now_seconds() - mine.begun_at}));
  c->headers = {{"idempotency-key", mine.idempotency_key}};
  auto got = send_until_answered(s, *c);
  if (!got) {
    auto f = got.error();
    if (f.code == ending::interrupted || may_come_right(f)) {
      if (f.code == ending::interrupted) f.what = "interrupted while the server allocates; it may still come to be";
      f.next = (f.next.empty() ? "" : f.next + "; ") +
               std::string{"the same command goes on with this allocation, and does not make a second one"};
    } else if (auto settled = s.state().change([&](local_state& state) { settle_call(state, mine.idempotency_key); });
               !settled) {
      return settled;
    }
    return f;
  }
  auto r = remembered_from(got->data, s.server_text(), identity_of(w.ssh_key, s.env()));
  if (r.hotkey.empty() || r.uuid.empty())
    return failure{ending::failed, "allocate: the server says yes, but names no hotkey and UUID", "see  lode ls"};
  const auto kept = s.state().change([&](local_state& state) {
    settle_call(state, mine.idempotency_key);
    remember(state, r);
  });
  if (!kept) {
    auto f = kept.error();
    f.what = "allocated " + r.hotkey + ", but its UUID could not be kept: " + f.what;
    f.next = "lode show " + r.hotkey + " --secrets  shows it while the server lists it";
    return f;
  }
  auto shown = print_result(s, *got, r, w.secrets);
  if (!shown || !w.wait_ssh) return shown;
  return wait_for_ssh(s, r);
}

}  // namespace

void add_allocate(registry& r) {
  auto w = std::make_shared<wishes>();
  auto* c =
      r.add("allocate", "Rent a container",
            "  lode allocate --gpu 4090 --gpu-memory 20 --ram 32 --days 7\n"
            "  lode allocate --gpu any --wait-ssh && lode ssh last -- nvidia-smi\n"
            "  lode allocate --gpu none --cpu 8       a machine with or without a GPU\n"
            "  lode allocate --hotkey 5Gme…tu5cg      this machine; for the days that the server sets\n"
            "\nThe call can be repeated: when the connection breaks, or after Ctrl-C, the same command goes on with\n"
            "the same allocation. The UUID is kept in the local state; the password is shown with --secrets.");
  auto* gpu =
      c->add_option("--gpu", w->gpu, "Part of the GPU's name, 'any', or 'none' (the default: a GPU is no condition)");
  auto* count = c->add_option("--gpu-count", w->gpu_count, "GPUs at least")->check(CLI::Range(1, 1'000'000));
  auto* memory =
      c->add_option("--gpu-memory", w->gpu_memory, "GPU memory in GB at least")->check(CLI::Range(1, 1'000'000'000));
  auto* cpu =
      c->add_option("--cpu", w->cpu, "CPU cores at least")->capture_default_str()->check(CLI::Range(0, 1'000'000));
  auto* ram =
      c->add_option("--ram", w->ram, "Memory in GiB")->capture_default_str()->check(CLI::Range(0, 1'000'000'000));
  auto* disk =
      c->add_option("--disk", w->disk, "Free disk in GiB")->capture_default_str()->check(CLI::Range(0, 1'000'000'000));
  auto* days = c->add_option("--days", w->days, "Length of the lease (90)")->check(CLI::Range(1, 36'500));
  auto* hotkey = c->add_option("--hotkey", w->hotkey, "Rent this miner; what it has is no condition then");
  for (auto* o : {gpu, count, memory, cpu, ram, disk, days}) hotkey->excludes(o);
  c->add_option("--image", w->image, "Image of the container, by a name that the miner offers")->capture_default_str();
  auto* key = c->add_option("--ssh-key", w->ssh_key, "Public key that may log in, - for standard input")
                  ->type_name("FILE|-")
                  ->default_str("~/.ssh/id_ed25519.pub if it is there");
  c->add_flag("--no-ssh-key", w->no_ssh_key, "Log in by password only")->excludes(key);
  c->add_option("--dockerfile", w->dockerfile, "Commands that are run in the image first")->type_name("FILE|-");
  c->add_flag("--wait-ssh", w->wait_ssh, "Return once SSH greets (two minutes at most)");
  c->add_flag("--secrets", w->secrets, "Show password and UUID");
  r.on(c, [w](session& s) { return allocate(s, *w); });
}

}  // namespace lode::cli
