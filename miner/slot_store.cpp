#include "miner/slot_store.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lode::miner {

namespace json = boost::json;

namespace {

constexpr std::int64_t format_version = 1;
constexpr std::array phases{slot_phase::free, slot_phase::registering, slot_phase::occupied, slot_phase::removing};

/// A file descriptor that closes itself.
class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&&) = delete;
  descriptor(const descriptor&) = delete;
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

error system_error(std::string_view what) {
  return {errc::store_io, fmt::format("{}: {}", what, std::strerror(errno))};  // NOLINT(concurrency-mt-unsafe)
}

std::string encode(const slot_record& r) {
  json::object o;
  o["version"] = format_version;
  o["phase"] = to_string(r.phase);
  o["public_key"] = r.public_key;
  o["allocation"] = r.allocation;
  o["validator"] = r.validator;
  o["container_id"] = r.container_id;
  o["password"] = r.password;
  o["port"] = r.port;
  o["user_key"] = r.user_key;
  o["terminal_key"] = r.terminal_key;
  o["host_key"] = r.host_key;
  o["created_at"] = r.created_at;
  o["expires_at"] = r.expires_at;
  o["paused"] = r.paused;
  return json::serialize(o) + "\n";
}

// Throws boost::system::system_error on a missing or mistyped member; decode() catches.
slot_record decode_members(const json::object& o) {
  const auto text = [&o](const char* key) { return std::string{o.at(key).as_string()}; };
  slot_record r;
  const auto phase = text("phase");
  bool known = false;
  for (const auto p : phases) {
    if (to_string(p) == phase) {
      r.phase = p;
      known = true;
    }
  }
  if (!known) throw std::out_of_range("phase");
  r.public_key = text("public_key");
  r.allocation = text("allocation");
  r.validator = text("validator");
  r.container_id = text("container_id");
  r.password = text("password");
  r.port = o.at("port").to_number<std::uint16_t>();
  r.user_key = text("user_key");
  r.terminal_key = text("terminal_key");
  if (o.contains("host_key")) r.host_key = text("host_key");
  r.created_at = o.at("created_at").to_number<std::int64_t>();
  r.expires_at = o.at("expires_at").to_number<std::int64_t>();
  r.paused = o.at("paused").as_bool();
  return r;
}

result<slot_record> decode(std::string_view text, const std::string& file) {
  try {
    const auto value = json::parse(text);
    const auto& o = value.as_object();
    if (o.at("version").to_number<std::int64_t>() > format_version) {
      return error{errc::store_newer, file + " was written by a newer lode-miner"};
    }
    auto record = decode_members(o);
    if (record.phase != slot_phase::free && (record.public_key.empty() || record.allocation.empty())) {
      return error{errc::store_damaged, file + " names no key for a slot in use"};
    }
    return record;
  } catch (const std::exception&) {
    return error{errc::store_damaged, file + " is not a slot record; move it away to start with a free slot"};
  }
}

class file_slot_store final : public slot_store {
 public:
  file_slot_store(std::string directory, descriptor folder)
      : directory_(std::move(directory)), folder_(std::move(folder)) {}

  result<slot_record> load() override {
    const descriptor file{::openat(folder_.get(), "slot.json", O_RDONLY | O_CLOEXEC)};
    if (file.get() < 0) {
      if (errno == ENOENT) return slot_record{};
      return system_error(directory_ + "/slot.json");
    }
    std::string text;
    std::array<char, 4096> chunk{};
    ssize_t n = 0;
    while ((n = ::read(file.get(), chunk.data(), chunk.size())) > 0)
      text.append(chunk.data(), static_cast<std::size_t>(n));
    if (n < 0) return system_error("read slot.json");
    return decode(text, directory_ + "/slot.json");
  }

  result<void> save(const slot_record& record) override {
    const std::string text = encode(record);
    const descriptor file{::openat(folder_.get(), "slot.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (file.get() < 0) return system_error("create slot.json.new");
    for (std::size_t done = 0; done < text.size();) {
      const auto n = ::write(file.get(), text.data() + done, text.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error("write slot.json.new");
      done += static_cast<std::size_t>(n);
    }
    if (::fsync(file.get()) != 0) return system_error("fsync slot.json.new");
    if (::renameat(folder_.get(), "slot.json.new", folder_.get(), "slot.json") != 0) return system_error("rename");
    if (::fsync(folder_.get()) != 0) return system_error("fsync " + directory_);
    return {};
  }

 private:
  std::string directory_;
  descriptor folder_;
};

}  // namespace

std::string_view to_string(slot_phase p) noexcept {
  switch (p) {
    case slot_phase::free:
      return "free";
    case slot_phase::registering:
      return "registering";
    case slot_phase::occupied:
      return "occupied";
    case slot_phase::removing:
      return "removing";
  }
  return "unknown";
}

result<std::unique_ptr<slot_store>> open_slot_store(const std::string& directory) {
  std::error_code ec;
  const bool fresh = std::filesystem::create_directories(directory, ec);
  if (ec) return error{errc::store_io, fmt::format("{}: {}", directory, ec.message())};
  if (fresh && ::chmod(directory.c_str(), 0700) != 0) return system_error(directory);
  descriptor folder{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.get() < 0) return system_error(directory);
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return error{errc::store_locked, directory + " is in use by another lode-miner"};
    return system_error("lock " + directory);
  }
  return std::unique_ptr<slot_store>{std::make_unique<file_slot_store>(directory, std::move(folder))};
}

}  // namespace lode::miner
