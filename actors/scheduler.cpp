#include "actors/scheduler.hpp"

#include <caf/actor_system.hpp>
#include <caf/detail/set_thread_name.hpp>
#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace lode::actors {
namespace {

// A queued actor is referenced by the queue.
class thread_pool final : public caf::scheduler::abstract_coordinator {
 public:
  static caf::actor_system::module* make(caf::actor_system& sys, caf::detail::type_list<>) {
    return new thread_pool(sys);  // NOLINT(cppcoreguidelines-owning-memory): the system owns its modules
  }
  using abstract_coordinator::abstract_coordinator;

  void enqueue(caf::resumable* job) override {
    std::unique_lock lock{mutex_};
    queue_.push_back(job);
    const bool wake = sleeping_ > 0;
    lock.unlock();
    if (wake) wake_.notify_one();
  }
  caf::detail::thread_safe_actor_clock& clock() noexcept override { return clock_; }

 protected:
  void start() override {
    for (std::size_t i = 0; i < num_workers(); ++i)
      workers_.emplace_back([this] {
        caf::detail::set_thread_name("actors");
        system().thread_started();
        work();
        system().thread_terminates();
      });
    timer_ = std::thread{[this] {
      caf::detail::set_thread_name("caf.clock");
      system().thread_started();
      clock_.run_dispatch_loop();
      system().thread_terminates();
    }};
    abstract_coordinator::start();
  }

  // By then every actor of ours has ended: the actor system waits for them first.
  void stop() override {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    wake_.notify_all();
    stop_actors();
    for (auto& w : workers_) w.join();
    for (auto* job : queue_) cleanup_and_release(job);
    queue_.clear();
    clock_.cancel_dispatch_loop();
    timer_.join();
  }

 private:
  class unit final : public caf::execution_unit {
   public:
    explicit unit(thread_pool& pool) : execution_unit(&pool.system()), pool_(pool) {}
    void exec_later(caf::resumable* job) override { pool_.enqueue(job); }

   private:
    thread_pool& pool_;
  };

  caf::resumable* next() {
    std::unique_lock lock{mutex_};
    while (queue_.empty()) {
      if (stopping_) return nullptr;
      ++sleeping_;
      wake_.wait(lock);
      --sleeping_;
    }
    auto* job = queue_.front();
    queue_.pop_front();
    return job;
  }

  void work() {
    unit here{*this};
    while (auto* job = next()) {
      switch (job->resume(&here, max_throughput())) {
        case caf::resumable::resume_later:
          enqueue(job);
          break;
        case caf::resumable::done:
        case caf::resumable::awaiting_message:
          caf::intrusive_ptr_release(job);
          break;
        case caf::resumable::shutdown_execution_unit:
          return;
      }
    }
  }

  caf::detail::thread_safe_actor_clock clock_;
  std::vector<std::thread> workers_;
  std::thread timer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Below: of the mutex.
  std::deque<caf::resumable*> queue_;
  std::size_t sleeping_ = 0;
  bool stopping_ = false;
};

}  // namespace

void use_scheduler(caf::actor_system_config& cfg, std::size_t threads) {
  cfg.load<thread_pool>();
  cfg.set("scheduler.max-threads", threads);
}

}  // namespace lode::actors
