// baseline_rocksdb: the ceiling for durable commits per second. Bare RocksDB, none of our code: IN_FLIGHT logical
// writers that each have one request waiting; one thread puts all that wait into one batch, writes it with one sync,
// lets each writer ask again at once. A real service cannot do better: it has the same disk and more to do.
//
//   baseline_rocksdb [--path DIR] [--in-flight N] [--seconds S] [--value-bytes B]
//
// Prints one JSON line. DIR must not exist; it is removed at the end.

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace {

using std::chrono::steady_clock;

struct settings {
  std::string path = "baseline-rocksdb.tmp";
  unsigned in_flight = 32;
  double seconds = 5;
  unsigned value_bytes = 600;
};

struct figures {
  std::uint64_t commits = 0;
  std::uint64_t writes = 0;
  double seconds = 0;
  std::vector<double> write_ms;  // every request of a batch waits exactly as long as its write takes
};

double ms(steady_clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

/// The value below which the share `p` lies. `sorted` is not empty.
double percentile(const std::vector<double>& sorted, double p) {
  return sorted[static_cast<std::size_t>(p * static_cast<double>(sorted.size() - 1))];
}

rocksdb::Status measure(rocksdb::DB& db, const settings& s, figures& f) {
  const std::string value(s.value_bytes, 'v');
  rocksdb::WriteOptions durable;
  durable.sync = true;
  std::uint64_t key = 0;
  const auto one_batch = [&] {
    rocksdb::WriteBatch batch;
    for (unsigned i = 0; i < s.in_flight; ++i)
      if (auto put = batch.Put(fmt::format("{:020}", ++key), value); !put.ok()) return put;
    return db.Write(durable, &batch);
  };
  for (int i = 0; i < 20; ++i)  // the log's first blocks are slower
    if (auto status = one_batch(); !status.ok()) return status;

  const auto begin = steady_clock::now();
  const auto end = begin + std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>(s.seconds));
  auto before = begin;
  while (before < end) {
    if (auto status = one_batch(); !status.ok()) return status;
    const auto after = steady_clock::now();
    f.write_ms.push_back(ms(after - before));
    f.commits += s.in_flight;
    ++f.writes;
    before = after;
  }
  f.seconds = ms(before - begin) / 1000;
  return rocksdb::Status::OK();
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app{"Bare grouped RocksDB commits"};
  app.add_option("--path", s.path, "folder for the database; must not exist, is removed at the end");
  app.add_option("--in-flight", s.in_flight, "requests waiting at any time")->check(CLI::Range(1U, 100'000U));
  app.add_option("--seconds", s.seconds, "how long to measure")->check(CLI::Range(0.1, 3600.0));
  app.add_option("--value-bytes", s.value_bytes, "bytes per value")->check(CLI::Range(1U, 1U << 20U));
  CLI11_PARSE(app, argc, argv);

  std::error_code failure;
  if (std::filesystem::exists(s.path, failure) || failure) {
    fmt::print(stderr, "baseline_rocksdb: {} is there already\n", s.path);
    return 1;
  }
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, s.path, &opened);
  std::unique_ptr<rocksdb::DB> db{opened};
  figures f;
  if (status.ok()) status = measure(*db, s, f);
  db.reset();
  std::filesystem::remove_all(s.path, failure);
  if (!status.ok()) {
    fmt::print(stderr, "baseline_rocksdb: {}\n", status.ToString());
    return 1;
  }
  std::ranges::sort(f.write_ms);
  fmt::print(
      R"({{"name":"rocksdb_commit","in_flight":{},"commits_per_second":{:.0f},"p50_ms":{:.3f},"p99_ms":{:.3f},"batch":{:.1f}}})"
      "\n",
      s.in_flight, static_cast<double>(f.commits) / f.seconds, percentile(f.write_ms, 0.50),
      percentile(f.write_ms, 0.99), static_cast<double>(f.commits) / static_cast<double>(f.writes));
  return 0;
}
