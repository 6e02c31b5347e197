#pragma once
// The one bridge from a coroutine on an io thread to the actors: an actor without a mailbox that requests come from and
// that replies go to. Cheaper than any bridge actor (no hop, no CAF timer), and typed end to end.

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/no_stages.hpp>
#include <caf/typed_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace lode::http {

/// One per io_context, which must outlive the actor system: a worker may hold the last reference to the port.
/// Everything but enqueue() is called on that io_context's thread.
class reply_port final : public caf::monitorable_actor {
 public:
  using executor = boost::asio::io_context::executor_type;
  using clock = std::chrono::steady_clock;

  /// One request that waits for its reply.
  struct waiter {
    waiter() = default;
    virtual ~waiter() = default;
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    /// Called once, on the io thread, with an error or with the reply.
    virtual void complete(caf::error failure, caf::mailbox_element_ptr reply) = 0;
    clock::time_point due = clock::time_point::max();
  };

  reply_port(caf::actor_config& cfg, const executor& ex);
  ~reply_port() override;

  const char* name() const override { return "reply_port"; }
  /// Any thread. Takes replies; drops everything else.
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* host) override;

  /// Keeps `w` until its reply, its deadline or cancel(); the id goes into the request.
  caf::message_id add(std::unique_ptr<waiter> w);
  /// Completes the waiter with request_timeout soon, on the io thread; a later reply is ignored.
  void cancel(caf::message_id request);
  [[nodiscard]] std::size_t pending() const noexcept { return pending_.size(); }

 private:
  using timer = boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, executor>;

  void drain();
  void arm_sweep();
  void sweep();

  executor ex_;
  timer sweep_timer_;
  bool sweeping_ = false;
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<waiter>> pending_;
  std::mutex mutex_;
  std::vector<caf::mailbox_element_ptr> inbox_;  ///< guarded by mutex_
};

/// Owns a port. Destroy it before its actor system and its io context, when no handler uses it any more.
class reply_port_owner {
 public:
  reply_port_owner(caf::actor_system& sys, boost::asio::io_context& io);
  [[nodiscard]] reply_port& get() const noexcept { return *port_; }

 private:
  caf::strong_actor_ptr keep_;
  reply_port* port_;
};

namespace detail {
template <class L>
struct only;
template <class T>
struct only<caf::detail::type_list<T>> {
  using type = T;
};
/// What actor H answers to M; does not compile for a message that H does not take.
template <class H, class M>
using reply_of = typename only<caf::response_type_t<typename H::signatures, M>>::type;
}  // namespace detail

/// Asks `to` and completes with caf::expected<reply>. Errors: the actor's own; sec::request_receiver_down when it is
/// dead; sec::request_timeout at `due` (within some 20 ms) or when cancelled through the token's cancellation slot. A
/// promise that the actor drops ends in the deadline. The request cannot be taken back: what it must not outlive is
/// said inside the message.
template <class H, class M, class Token>
auto async_ask(reply_port& port, const H& to, M message, reply_port::clock::time_point due, Token&& token) {
  using reply = detail::reply_of<H, M>;
  return boost::asio::async_initiate<Token, void(caf::expected<reply>)>(
      [&port, due](auto handler, H target, M msg) {
        struct impl final : reply_port::waiter {
          decltype(handler) done;
          explicit impl(decltype(handler) h) : done(std::move(h)) {}
          void complete(caf::error failure, caf::mailbox_element_ptr element) override {
            boost::asio::get_associated_cancellation_slot(done).clear();
            auto finish = std::move(done);
            if (!failure && !element->content().template match_elements<reply>())
              failure = caf::make_error(caf::sec::unexpected_response);
            if (failure)
              finish(caf::expected<reply>{std::move(failure)});
            else
              finish(caf::expected<reply>{std::move(element->content().template get_mutable_as<reply>(0))});
          }
        };
        auto w = std::make_unique<impl>(std::move(handler));
        w->due = due;
        auto slot = boost::asio::get_associated_cancellation_slot(w->done);
        const caf::message_id id = port.add(std::move(w));
        if (slot.is_connected()) slot.assign([&port, id](boost::asio::cancellation_type) { port.cancel(id); });
        target->enqueue(
            caf::make_mailbox_element(caf::strong_actor_ptr{port.ctrl()}, id, caf::no_stages, std::move(msg)), nullptr);
      },
      token, to, std::move(message));
}

}  // namespace lode::http
