// baseline_durable: the ceiling for durable allocate and deallocate pairs. The bare Beast server, and behind it one
// thread that writes what waits in one batch with one sync, as baseline_rocksdb does. Each request is what it is to
// loded: parsed, two commits one after the other (the intent, then the outcome: between them a real service calls the
// miner, so the request comes back to the server's thread), a reply of the same size. Each commit writes the bytes that
// loded writes: a record and an event in column families of their own, and the revision. Nothing else is done: no key,
// no sealing, no JSON but the reply's constant text, no listings, no supervision. A real service cannot do better.
//
//   baseline_durable [--listen HOST:PORT] [--path DIR] [--miners N]
//
// DIR must not exist; it is removed at the end.
#include "bench/baselines/bare_server.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

using namespace baselines;

// Bytes of what loded stores at each step of a pair, its revision included (scripts/bench's request, X25519 keys).
struct commit_size {
  std::size_t record;  // 0: it is erased
  std::size_t event;
};
constexpr commit_size reserved{1422, 163};
constexpr commit_size allocated{1441, 161};
constexpr commit_size released{1481, 188};
constexpr commit_size gone{0, 181};

struct waiting_commit {
  waiting_commit(std::string_view k, commit_size s) : key(k), size(s) {}
  waiting_commit(const waiting_commit&) = delete;
  waiting_commit& operator=(const waiting_commit&) = delete;
  virtual ~waiting_commit() = default;
  virtual void complete() = 0;  // on the server's thread

  std::string_view key;
  commit_size size;
};

/// Writes on a thread of its own; what comes while it writes is the next batch.
class group_writer {
 public:
  group_writer(asio::io_context& io, const std::string& path) : io_(io) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.error_if_exists = true;
    options.create_missing_column_families = true;
    const std::vector<rocksdb::ColumnFamilyDescriptor> families{
        {rocksdb::kDefaultColumnFamilyName, options}, {"allocations", options}, {"events", options}};
    rocksdb::DB* opened = nullptr;
    check(rocksdb::DB::Open(options, path, families, &families_, &opened));
    db_.reset(opened);
    thread_ = std::thread{[this] { write_all(); }};
  }
  ~group_writer() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    for (auto* f : families_) db_->DestroyColumnFamilyHandle(f);
  }
  group_writer(const group_writer&) = delete;
  group_writer& operator=(const group_writer&) = delete;

  /// Completes on the server's thread once it is durable. `key` must live until then.
  task<void> commit(std::string_view key, commit_size size) {
    constexpr asio::use_awaitable_t<executor> token;
    return asio::async_initiate<const asio::use_awaitable_t<executor>, void()>(
        [this, key, size](auto handler) {
          struct one final : waiting_commit {
            one(std::string_view k, commit_size s, decltype(handler) h) : waiting_commit(k, s), done(std::move(h)) {}
            void complete() override { std::move(done)(); }
            decltype(handler) done;
          };
          auto w = std::make_unique<one>(key, size, std::move(handler));
          bool first = false;
          {
            const std::lock_guard lock{mutex_};
            first = queue_.empty();
            queue_.push_back(std::move(w));
          }
          if (first) wake_.notify_one();
        },
        token);
  }

 private:
  using group = std::vector<std::unique_ptr<waiting_commit>>;

  static void check(const rocksdb::Status& s) {
    if (!s.ok()) throw std::runtime_error{s.ToString()};
  }

  void write_all() try {
    for (;;) {
      auto work = std::make_shared<group>();
      {
        std::unique_lock lock{mutex_};
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        work->swap(queue_);
      }
      write(*work);
      // One wake-up for all of them.
      asio::post(io_, [work] {
        for (const auto& w : *work) w->complete();
      });
    }
  } catch (const std::exception& e) {
    fmt::print(stderr, "baseline_durable: {}\n", e.what());
    std::_Exit(1);
  }

  void write(const group& work) {
    rocksdb::WriteBatch batch;
    for (const auto& w : work) {
      const auto revision = fmt::format("{:020}", ++head_);
      const rocksdb::Slice key{w->key.data(), w->key.size()};
      if (w->size.record == 0)
        check(batch.Delete(families_[1], key));
      else
        check(batch.Put(families_[1], key, rocksdb::Slice{value_.data(), w->size.record}));
      check(batch.Put(families_[2], revision, rocksdb::Slice{value_.data(), w->size.event}));
    }
    check(batch.Put("head", std::to_string(head_)));
    rocksdb::WriteOptions durable;
    durable.sync = true;
    check(db_->Write(durable, &batch));
  }

  asio::io_context& io_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  const std::string value_ = std::string(4096, 'v');
  std::uint64_t head_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  group queue_;  // of mutex_
  bool stopping_ = false;
  std::thread thread_;
};

/// Hands out miners as loded does, so that the load generator's checks hold here too.
class renter {
 public:
  renter(group_writer& writer, unsigned miners) : writer_(writer) {
    for (unsigned i = 0; i < miners; ++i) {
      replies_.push_back(allocation_like(i));
      const auto at = replies_.back().find(key_before) + key_before.size();
      keys_.push_back(replies_.back().substr(at, key_size));
      by_key_.emplace(keys_.back(), i);
      free_.push_back(i);
    }
  }

  task<std::string_view> operator()(const request& asked) {
    const std::string_view target{asked.target().data(), asked.target().size()};
    const auto at = target.find("hotkey=");
    if (at == std::string_view::npos) {
      if (free_.empty()) co_return refusal;
      const auto miner = free_.back();
      free_.pop_back();
      co_await writer_.commit(keys_[miner], reserved);
      co_await writer_.commit(keys_[miner], allocated);
      // A UUID of its own for each, as the generator insists.
      auto& reply = replies_[miner];
      fmt::format_to(reply.begin() + static_cast<std::ptrdiff_t>(uuid_at_), "{:012x}", ++granted_);
      co_return reply;
    }
    const auto found = by_key_.find(std::string{target.substr(at + 7, key_size)});
    if (found == by_key_.end()) co_return refusal;
    co_await writer_.commit(found->first, released);
    co_await writer_.commit(found->first, gone);
    free_.push_back(found->second);
    co_return released_reply;
  }

 private:
  static constexpr std::string_view key_before = R"("hotkey":")";
  static constexpr std::size_t key_size = 48;
  static constexpr std::string_view refusal = R"({"success":false,"message":"Fail to allocate resource"})";
  static constexpr std::string_view released_reply =
      R"({"success":true,"message":"Resource deallocated successfully."})";

  group_writer& writer_;
  std::vector<std::string> replies_, keys_;
  std::unordered_map<std::string, unsigned> by_key_;
  std::vector<unsigned> free_;
  std::size_t uuid_at_ = allocation_like().find("718293a4b5c6");
  std::uint64_t granted_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A bare Beast HTTP server whose requests wait for bare grouped RocksDB commits"};
  std::string listen = "127.0.0.1:0";
  app.add_option("--listen", listen, "HOST:PORT, port 0 picks one");
  std::string path = "baseline-durable.tmp";
  app.add_option("--path", path, "folder for the database; must not exist, is removed at the end");
  unsigned miners = 64;
  app.add_option("--miners", miners, "how many can be rented at once")->check(CLI::Range(1U, 100'000U));
  CLI11_PARSE(app, argc, argv);
  std::error_code failure;
  if (std::filesystem::exists(path, failure) || failure) {
    fmt::print(stderr, "baseline_durable: {} is there already\n", path);
    return 1;
  }
  int status = 0;
  try {
    asio::io_context io{1};
    group_writer writer{io, path};
    renter answer{writer, miners};
    run(io, listen, answer);
  } catch (const std::invalid_argument& e) {
    fmt::print(stderr, "{}\n", e.what());
    status = 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "baseline_durable: {}\n", e.what());
    status = 1;
  }
  std::filesystem::remove_all(path, failure);
  return status;
}
