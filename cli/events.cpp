// lode events.
#include "cli/session.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <memory>

namespace lode::cli {
namespace {

namespace json = boost::json;

constexpr milliseconds first_pause{500};
constexpr milliseconds longest_pause{15'000};
// A keepalive comes every 30 s.
constexpr milliseconds silence{75'000};

struct arguments {
  bool follow = false;
  std::optional<std::int64_t> since;
  std::string type;
  double wait = 1;
};

/// What an event says, in one line: its own name first, then the rest of its payload.
std::string payload_text(const json::value& payload) {
  const auto* object = payload.if_object();
  if (!object) return text_of_value(payload);
  std::string out;
  for (const auto& [name, value] : *object) {
    if (name == "hotkey" || name == "time" || name == "at") continue;
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", std::string_view{name}, text_of_value(value));
  }
  return out;
}

class printer {
 public:
  printer(session& s, const arguments& a) : s_(s), a_(a), last_(a.since) {}

  /// False when there is nobody left to read it.
  bool take(std::string_view frame) {
    boost::system::error_code ec;
    const auto v = json::parse(frame, ec);
    const auto* object = ec ? nullptr : v.if_object();
    const auto* seq = object ? object->if_contains("seq") : nullptr;
    if (!seq || !seq->is_number()) return true;  // a keepalive
    last_ = seq->to_number<std::int64_t>();
    const auto type = text_in(v, "type");
    if (!a_.type.empty() && type != a_.type) return true;
    if (s_.json()) return write(std::string{frame} + "\n");
    const auto* payload = object->if_contains("payload");
    const auto hotkey = payload ? text_in(*payload, "hotkey") : "";
    const auto rest = payload ? payload_text(*payload) : "";
    if (!s_.term().out) return write(line_of({text_of_value(*seq), type, hotkey, rest}, "\t"));
    const auto line = line_of({text_of_value(*seq), type, cut(hotkey, 12), rest}, "  ");
    return write(line);
  }
  [[nodiscard]] std::optional<std::int64_t> last() const { return last_; }
  [[nodiscard]] const outcome<void>& written() const { return written_; }

 private:
  static std::string line_of(const std::vector<std::string>& parts, std::string_view between) {
    std::string out;
    for (const auto& p : parts) {
      if (!out.empty()) out += between;
      out += harmless(p);
    }
    return out + "\n";
  }
  bool write(const std::string& text) {
    written_ = s_.print(text);
    return written_.has_value() && std::ferror(stdout) == 0;
  }

  session& s_;
  const arguments& a_;
  std::optional<std::int64_t> last_;
  outcome<void> written_;
};

/// Closed for a reason that coming back does not change (close codes of /connect).
std::optional<failure> for_good(const wire_error& e) {
  const auto what = "events: " + e.detail;
  switch (e.close_code) {
    case 4401:
      return failure{ending::unauthorised, what, "give a key that holds: LODE_KEY, or that of the context"};
    case 4403:
      return failure{ending::unauthorised, what, "an operator must add your address to the server's allow-list"};
    case 4409:
      return failure{ending::usage, what, "the number is of another server or store: begin with  --since 0"};
    case 4410:
      return failure{ending::not_found, what, "what was in between is lost; go on with  --since  and that number"};
    default:
      return std::nullopt;
  }
}

outcome<void> events(session& s, const arguments& a) {
  const auto to = s.server();
  if (!to) return to.error();
  printer p{s, a};
  // Without -f the question is what has been: from the beginning of the log unless said otherwise.
  const auto begin = a.since || a.follow ? a.since : std::optional<std::int64_t>{0};
  socket_options o;
  o.end_when_quiet = !a.follow;
  o.quiet = a.follow ? silence : milliseconds{static_cast<std::int64_t>(a.wait * 1000)};
  auto pause = first_pause;
  bool connected_once = false;
  while (true) {
    parameters query;
    if (const auto since = p.last() ? p.last() : begin) query.emplace_back("since", std::to_string(*since));
    bool heard = false;
    const auto end = listen((*to)->to, target_of("/connect", query), o, {}, [&](std::string_view frame) {
      heard = connected_once = true;
      return p.take(frame);
    });
    if (!p.written()) return p.written();
    if (end && end->status == 101) return {};
    failure f;
    if (end) {
      const auto opened = open_reply(*end, "events");
      if (opened) return failure{ending::failed, "events: the server does not open a WebSocket", {}};
      f = opened.error();
      if (!may_come_right(f)) return f;
    } else {
      if (auto last_word = for_good(end.error())) return *std::move(last_word);
      f = failure_of(end.error(), (*to)->to.url, "events");
      if (f.code == ending::interrupted) return failure{ending::interrupted, {}, {}};
    }
    if (!a.follow || !connected_once) return f;
    if (heard) pause = first_pause;
    s.note(f.what + "; connecting again");
    if (!wait_for(pause)) return failure{ending::interrupted, {}, {}};
    pause = std::min(pause * 2, longest_pause);
  }
}

}  // namespace

void add_events(registry& r) {
  auto a = std::make_shared<arguments>();
  auto* c = r.add(
      "events", "What happened, and what happens",
      "  lode events --since 0\n  lode events -f --type allocation\n  lode events -f -o json | jq .payload\n"
      "\nEach event has a number; --since N begins after N. Without -f the past is printed until nothing more comes\n"
      "for --wait seconds. With -f new events follow, also over restarts of the server: nothing is left out. -o\n"
      "json prints the server's frames, one a line.");
  c->add_flag("-f,--follow", a->follow, "Go on with what happens from now on");
  c->add_option("--since", a->since, "Begin after this event; without -f: 0")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 62U));
  c->add_option("--type", a->type, "Only these")->check(CLI::IsMember({"allocation", "miner", "job"}));
  c->add_option("--wait", a->wait, "Seconds of silence that end it, without -f")
      ->check(CLI::Range(0.1, 60.0))
      ->capture_default_str();
  r.on(c, [a](session& s) { return events(s, *a); });
}

}  // namespace lode::cli
