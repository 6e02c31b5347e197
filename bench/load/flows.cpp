// What the operations of a load do: each request, how its outcome counts, what must be true of its reply.
#include "bench/load/engine.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lode::bench {
namespace {

using std::chrono::milliseconds;

constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable_t<executor>{});
constexpr milliseconds first_release_backoff{5};
constexpr milliseconds longest_release_backoff{1000};
// What is not given back by then is once more, at the end of the run.
constexpr int release_tries = 10;

}  // namespace

clock::duration engine::pick_time(const time_range& r) {
  if (r.most <= 0) return {};
  std::uniform_real_distribution<double> times{r.least, r.most};
  return std::chrono::duration_cast<clock::duration>(
      std::chrono::duration<double>(r.least < r.most ? times(dice_) : r.least));
}

std::size_t engine::pick_entry() { return ground_.what.mix.size() > 1 ? mix_(dice_) : 0; }

// One that nobody of ours holds, if one is found soon. The server may still have given it to somebody else.
const std::string& engine::pick_miner() {
  const auto& all = ground_.hotkeys;
  std::uniform_int_distribution<std::size_t> any{0, all.size() - 1};
  std::size_t chosen = any(dice_);
  for (int tried = 0; tried < 8 && ground_.seen.is_held(all[chosen]); ++tried) chosen = any(dice_);
  return all[chosen];
}

void engine::count(const asked& a, std::string_view outcome) {
  const bool measured = measures(a.intended, a.answered);
  stats_.add(a.kind, outcome, measured, a.answered - a.intended, a.answered - a.sent);
  if (measured) stats_.add_wait(a.kind, a.sent - a.intended);
  const bool fails = is_error(ground_.what, outcome);
  if (fails) ++live.errors;
  if (a.answered < ground_.begin || a.answered >= ground_.ends_at()) return;
  stats_.replied(second_of_run(a.answered), a.kind, outcome == "ok", a.answered - a.intended);
  if (outcome != "ok") return;
  ++stats_.kinds[a.kind].completed;
  const std::lock_guard lock{last_second_mutex_};
  this_second_.add(a.answered - a.intended);
}

void engine::count_unsent(const asked& a) {
  const bool measured = measures(a.intended, a.answered);
  stats_.add_unsent(a.kind, measured, a.answered - a.intended);
  ++live.unsent;
  if (a.answered >= ground_.begin && a.answered < ground_.ends_at()) stats_.not_sent(second_of_run(a.answered));
}

task<engine::asked> engine::ask(std::size_t kind, std::string_view request, clock::time_point intended, bool must) {
  asked a;
  a.kind = kind;
  a.intended = intended;
  a.peer = co_await pool_.acquire(intended + ground_.what.deadline, must);
  a.sent = clock::now();
  a.answered = a.sent;
  if (!a.peer) {
    a.nothing_happened = true;
    count_unsent(a);
    co_return a;
  }
  ++live.in_flight;
  if (ground_.silent_since.load(std::memory_order_relaxed) == 0)
    ground_.silent_since.store(a.sent.time_since_epoch().count(), std::memory_order_relaxed);
  const auto answer = co_await a.peer->exchange(request, a.sent + ground_.what.deadline);
  --live.in_flight;
  a.answered = clock::now();
  if (!answer) {
    a.nothing_happened = answer.error() == exchange_error::unreachable;
    count(a, to_string(answer.error()));
    a.peer.give_back();
    co_return a;
  }
  ++live.replies;
  ground_.silent_since.store(0, std::memory_order_relaxed);
  a.status = answer->status;
  a.body = answer->body;
  if (a.status != 200) count(a, fmt::format("{}", a.status));
  co_return a;
}

void engine::succeed(const asked& a) { count(a, "ok"); }

void engine::wrong(const asked& a, std::uint64_t op, std::string_view why) {
  count(a, "wrong");
  ground_.seen.violation(fmt::format("operation {} ({}, asked at {:.3f} s, answered at {:.3f} s): status 200, but {}",
                                     op, ground_.kinds.names[a.kind], since_start(a.sent), since_start(a.answered),
                                     why));
}

void engine::whole_operation(clock::time_point answered) {
  if (answered < ground_.begin || answered >= ground_.ends_at()) return;
  const auto done = ground_.done.fetch_add(1) + 1;
  if (ground_.count == 0 || done < ground_.count) return;
  ground_.end_by(answered + clock::duration{1});
  set_stage(stage::quiescing);
}

task<void> engine::open_operation(clock::time_point intended) { co_await operate(intended); }

task<bool> engine::operate(clock::time_point intended) {
  const std::uint64_t op = ++ground_.operations;
  const std::size_t i = pick_entry();
  const mix_entry& e = ground_.what.mix[i];
  const std::size_t kind = ground_.kinds.of_entry[i];
  bool fine = false;
  if (rents(e.op))
    fine = co_await rent(e, kind, op, intended);
  else if (e.op == operation::status)
    fine = co_await look_at_miners(e, kind, op, intended);
  else
    fine = co_await fetch(e, kind, op, intended);
  co_return fine;
}

task<bool> engine::rent(const mix_entry& e, std::size_t kind, std::uint64_t op, clock::time_point intended) {
  const std::string tag = fmt::format("{}-{}", ground_.tag, op);
  const std::string request = e.op == operation::hotkey
                                  ? allocate_hotkey_request(ground_.where.headers, pick_miner(), tag)
                                  : allocate_request(ground_.where.headers, e.requirements, tag);
  rented r;
  r.op = op;
  {
    const asked a = co_await ask(kind, request, intended);
    if (a.status == 0 && !a.nothing_happened) ++stats_.in_doubt;
    if (a.status != 200) co_return false;
    auto granted = read_allocation(a.body);
    if (!granted) {
      ++stats_.in_doubt;
      wrong(a, op, granted.error().detail);
      co_return false;
    }
    r.miner = std::move(*granted);
    succeed(a);
    holding h;
    h.op = op;
    h.request = ground_.kinds.names[kind];
    h.asked = since_start(a.sent);
    h.answered = since_start(a.answered);
    h.hotkey = r.miner.hotkey;
    h.uuid = r.miner.uuid;
    // What was given twice is given back all the same.
    ground_.seen.granted(std::move(h));
  }
  auto until = clock::now() + pick_time(e.hold);
  if (e.op == operation::pause) {
    for (const auto& [change_kind, action] :
         {std::pair{ground_.kinds.pause, "pause_docker"}, {ground_.kinds.unpause, "unpause_docker"}}) {
      co_await hold_until(until);
      // What is paused can be given back.
      if (stage_ >= stage::stopping) break;
      co_await change(r, change_kind, action);
      until = clock::now() + pick_time(e.hold);
    }
    until = clock::now();
  }
  co_await hold_until(until);
  // What was cut short, or kept for the listing, was not due when it should have been.
  const bool given = co_await give_back(r, stage_ == stage::running ? until : clock::now());
  co_return given;
}

task<void> engine::change(const rented& r, std::size_t kind, std::string_view action) {
  const std::string request = renter_request(ground_.where.headers, action, r.miner);
  const asked a = co_await ask(kind, request, clock::now());
  if (a.status != 200) co_return;
  if (const auto why = read_success(a.body); !why.empty())
    wrong(a, r.op, why);
  else
    succeed(a);
}

task<bool> engine::give_back(const rented& r, clock::time_point intended) {
  const std::string request = renter_request(ground_.where.headers, "deallocate", r.miner);
  milliseconds backoff = first_release_backoff;
  ground_.seen.releasing(r.miner.hotkey, r.op);
  for (int tried = 0; tried < release_tries && stage_ != stage::abandoned; ++tried) {
    if (tried > 0) {
      // Never cut short by stop(): it also spaces the last tries.
      timer alarm{io_.get_executor(), clock::now() + backoff};
      [[maybe_unused]] const auto [cancelled] = co_await alarm.async_wait(as_result);
      backoff = std::min(backoff * 2, longest_release_backoff);
      intended = clock::now();
    }
    const asked a = co_await ask(ground_.kinds.deallocate, request, intended, true);
    if (a.status == 200) {
      const auto why = read_success(a.body);
      if (why.empty())
        succeed(a);
      else
        wrong(a, r.op, why);
      if (a.answered >= ground_.begin && a.answered < ground_.ends_at()) ++stats_.pairs;
      ground_.seen.released(r.miner.hotkey, r.op);
      whole_operation(a.answered);
      co_return why.empty();
    }
    if (a.status == 404 || a.status == 400) {
      // An earlier try may have been acted on; the first one cannot have been.
      if (tried == 0)
        ground_.seen.violation(
            fmt::format("miner {} was given to operation {}, but giving it back, asked at {:.3f} s, "
                        "was answered {}",
                        r.miner.hotkey, r.op, since_start(a.sent), a.status));
      ground_.seen.released(r.miner.hotkey, r.op);
      co_return false;
    }
  }
  co_return false;
}

task<bool> engine::fetch(const mix_entry& e, std::size_t kind, std::uint64_t op, clock::time_point intended) {
  std::string path = e.path;
  if (e.page_size > 0) {
    std::uniform_int_distribution<unsigned> pages{1, e.pages};
    path += fmt::format("{}page_number={}&page_size={}", path.find('?') == std::string::npos ? '?' : '&', pages(dice_),
                        e.page_size);
  }
  const bool list = e.op == operation::list;
  const std::string request = plain_request(list ? "POST" : e.method, ground_.where.headers, path, e.filter);
  const asked a = co_await ask(kind, request, intended);
  if (a.status != 200) co_return false;
  if (const auto why = list ? read_page(a.body, e.page_size) : std::string{}; !why.empty()) {
    wrong(a, op, why);
    co_return false;
  }
  succeed(a);
  whole_operation(a.answered);
  co_return true;
}

task<bool> engine::look_at_miners(const mix_entry& e, std::size_t kind, std::uint64_t op, clock::time_point intended) {
  std::vector<std::string> hotkeys;
  for (unsigned i = 0; i < e.hotkeys; ++i) hotkeys.push_back(pick_miner());
  const std::string request = status_request(ground_.where.headers, hotkeys);
  const asked a = co_await ask(kind, request, intended);
  if (a.status != 200) co_return false;
  if (const auto why = read_status(a.body, hotkeys); !why.empty()) {
    wrong(a, op, why);
    co_return false;
  }
  succeed(a);
  whole_operation(a.answered);
  co_return true;
}

}  // namespace lode::bench
