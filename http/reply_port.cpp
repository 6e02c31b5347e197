#include "http/reply_port.hpp"

#include <boost/asio/post.hpp>
#include <caf/make_actor.hpp>

#include <utility>

namespace lode::http {
namespace {

// Requests in flight are bounded at the edge, so looking at each is cheaper than keeping them in order.
constexpr std::chrono::milliseconds sweep_every{20};

}  // namespace

reply_port::reply_port(caf::actor_config& cfg, const executor& ex)
    : monitorable_actor(cfg), ex_(ex), sweep_timer_(ex) {}

reply_port::~reply_port() = default;

void reply_port::enqueue(caf::mailbox_element_ptr element, caf::execution_unit* /*host*/) {
  if (!element->mid.is_response()) return;
  bool first = false;
  {
    const std::lock_guard guard{mutex_};
    first = inbox_.empty();
    inbox_.push_back(std::move(element));
  }
  // One wake-up for however many replies come until it runs.
  if (first) boost::asio::post(ex_, [this, keep = caf::strong_actor_ptr{ctrl()}] { drain(); });
}

caf::message_id reply_port::add(std::unique_ptr<waiter> w) {
  const auto id = caf::message_id{++last_}.with_category(caf::message_id::normal_message_category);
  pending_.emplace(id.response_id().integer_value(), std::move(w));
  if (!sweeping_) arm_sweep();
  return id;
}

void reply_port::cancel(caf::message_id request) {
  const auto found = pending_.find(request.response_id().integer_value());
  if (found == pending_.end()) return;
  // Not at once: the caller may be inside the operation that is being cancelled.
  boost::asio::post(ex_, [this, keep = caf::strong_actor_ptr{ctrl()}, id = found->first] {
    if (auto node = pending_.extract(id)) node.mapped()->complete(caf::make_error(caf::sec::request_timeout), nullptr);
  });
}

void reply_port::drain() {
  std::vector<caf::mailbox_element_ptr> work;
  {
    const std::lock_guard guard{mutex_};
    work.swap(inbox_);
  }
  for (auto& element : work) {
    auto node = pending_.extract(element->mid.integer_value());
    if (!node) continue;  // its deadline passed before
    auto& content = element->content();
    if (content.match_elements<caf::error>())
      node.mapped()->complete(content.get_as<caf::error>(0), nullptr);
    else
      node.mapped()->complete({}, std::move(element));
  }
}

void reply_port::arm_sweep() {
  sweeping_ = true;
  sweep_timer_.expires_after(sweep_every);
  sweep_timer_.async_wait([this, keep = caf::weak_actor_ptr{ctrl()}](const boost::system::error_code& ec) {
    const caf::strong_actor_ptr alive = keep.lock();
    if (!alive || ec) return;
    sweeping_ = false;
    sweep();
    if (!pending_.empty() && !sweeping_) arm_sweep();
  });
}

void reply_port::sweep() {
  const auto now = clock::now();
  std::vector<std::unique_ptr<waiter>> late;
  for (auto i = pending_.begin(); i != pending_.end();) {
    if (i->second->due <= now) {
      late.push_back(std::move(i->second));
      i = pending_.erase(i);
    } else {
      ++i;
    }
  }
  for (auto& w : late) w->complete(caf::make_error(caf::sec::request_timeout), nullptr);
}

reply_port_owner::reply_port_owner(caf::actor_system& sys, boost::asio::io_context& io) {
  caf::actor_config cfg;
  keep_ =
      caf::make_actor<reply_port, caf::strong_actor_ptr>(sys.next_actor_id(), sys.node(), &sys, cfg, io.get_executor());
  port_ = static_cast<reply_port*>(keep_->get());
}

}  // namespace lode::http
