#include "edge_fixture.hpp"

#include <boost/asio/post.hpp>
#include <caf/actor_ostream.hpp>
#include <caf/atom.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lode::http::test {
namespace {

template <class Self, class M, class R>
caf::result<R> play(Self self, script::part<M, R>& part, const M& m) {
  part.seen.push_back(m);
  if (part.drop) return self->template make_response_promise<R>();
  if (part.reply) return *part.reply;
  return to_caf(part.failure);
}

registry_actor::behavior_type stand_in(registry_actor::pointer self, script* says) {
  return {
      [=](const allocate_spec& m) { return play(self, says->spec, m); },
      [=](const allocate_hotkey& m) { return play(self, says->hotkey, m); },
      [=](const deallocate& m) { return play(self, says->release, m); },
      [=](const docker_action& m) { return play(self, says->action, m); },
      [=](const extend_lease& m) { return play(self, says->extend, m); },
      [=](const check_port& m) { return play(self, says->port, m); },
      [=](const count_by_model& m) { return play(self, says->gpus, m); },
      [=](const list_miners& m) { return play(self, says->miners, m); },
      [=](const mark_miner& m) { return play(self, says->mark, m); },
      [=](const unmark_miner& m) { return play(self, says->unmark, m); },
      [=](const explain_placement& m) { return play(self, says->explain, m); },
      [=](const check_status& m) { return play(self, says->status, m); },
      [=](const list_allocations& m) { return play(self, says->allocations, m); },
      [=](const list_resources& m) { return play(self, says->resources, m); },
      [=](const get_readiness& m) { return play(self, says->ready, m); },
      [](const check_health&) { return done{}; },
      [](const metagraph_snapshot&) {},
      [](const slot_update&) {},
      [](const reachability_update&) {},
      [](const specs_update&) {},
      [](const crash_report&) {},
      [](const restart_due&) {},
      [](const deadline_reached&) {},
      [](const stop_all&) { return done{}; },
  };
}

outbox_actor::behavior_type outbox_stand_in(outbox_actor::pointer self, script* says) {
  return {
      [](const webhook_batch&) {},
      [](const webhook_heartbeat&) {},
      [=](const test_notify& m) { return play(self, says->notify, m); },
      [=](const list_notifications& m) { return play(self, says->notifications, m); },
      [=](const resend_notifications& m) { return play(self, says->resend, m); },
      [](const webhook_answer&) {},
      [](const deadline_reached&) {},
  };
}

}  // namespace

edge_test::system_config::system_config() {
  set("scheduler.max-threads", 1);
  set("scheduler.policy", caf::atom("sharing"));
  lode::add_error_category(*this);
}

edge_test::edge_test() : registry_(sys_.spawn(stand_in, &says)), outbox_(sys_.spawn(outbox_stand_in, &says)) {}

edge_settings edge_test::settings() {
  edge_settings s;
  s.listen = "127.0.0.1:0";
  return s;
}

void edge_test::SetUp() {
  auto started = start_edge(io_, sys_, settings(), edge_actors{registry_, {}, {}, {}, outbox_});
  ASSERT_TRUE(started.has_value()) << started.error().to_string();
  edge_ = std::move(*started);
  thread_ = std::thread{[this] { io_.run(); }};
}

edge_test::~edge_test() {
  if (edge_) {
    std::promise<void> stopped;
    edge_->stop(std::chrono::seconds{5}, [&stopped] { stopped.set_value(); });
    stopped.get_future().wait();
    thread_.join();
    edge_.reset();
  }
  caf::anon_send_exit(registry_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(outbox_, caf::exit_reason::user_shutdown);
  registry_ = nullptr;
  outbox_ = nullptr;
}

std::string edge_test::raw(const std::string& bytes) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(edge_->port());
  std::string in;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    char piece[16384];
    for (ssize_t n = 0; (n = ::recv(fd, piece, sizeof piece, 0)) > 0;) in.append(piece, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return in;
}

answer edge_test::call(const std::string& method, const std::string& target, const std::string& body,
                       const std::string& more_headers) {
  const std::string in = raw(method + " " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + more_headers +
                             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  answer a;
  const std::size_t end = in.find("\r\n\r\n");
  if (end == std::string::npos || !in.starts_with("HTTP/1.1 ")) return a;
  a.head = in.substr(0, end + 2);
  std::transform(a.head.begin(), a.head.end(), a.head.begin(), [](unsigned char c) { return std::tolower(c); });
  a.body = in.substr(end + 4);
  a.status = static_cast<unsigned>(std::stoi(in.substr(9, 3)));
  return a;
}

std::string answer::header(const std::string& lower_case_name) const {
  const std::size_t at = head.find("\r\n" + lower_case_name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t from = at + lower_case_name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

}  // namespace lode::http::test
