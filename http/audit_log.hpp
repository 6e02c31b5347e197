#pragma once
// Who did what: one JSON line for every call that changes something, whatever came of it. Appended to a file of its
// own, so that whoever may read the log need not be who may read this.

#include "http/endpoint.hpp"
#include "http/server/message.hpp"
#include "messages/api_key.hpp"
#include "messages/error.hpp"

#include <memory>
#include <string>

namespace lode::http {

/// {"time","request_id","caller","key","address","method","endpoint",what it was about,"status"}. Of a UUID the last
/// four characters, and no other secret. `reply` null: the connection or the process ended before there was one.
std::string audit_line(const request& req, const endpoint& e, const response* reply);

/// The same of an API key that was made without a call: on the machine itself, by the user with this number.
std::string audit_line_of_local_key(const api_key& made, unsigned user);

/// Whether calls of this endpoint belong into the audit log.
bool is_audited(const endpoint& e) noexcept;

/// An open file. One thread at a time.
class audit_log {
 public:
  /// Appends to `path`, which is made with mode 0600 where there is none. config_invalid with the system's reason.
  static result<std::shared_ptr<audit_log>> open(const std::string& path);
  ~audit_log();
  audit_log(const audit_log&) = delete;
  audit_log& operator=(const audit_log&) = delete;

  /// Appends the line and a newline with one write. False when that failed, which is logged at most once a minute. Not
  /// flushed to the disk: a power failure may cost the last moments.
  [[nodiscard]] bool write(std::string line);

 private:
  explicit audit_log(int fd) : fd_(fd) {}
  int fd_;
  std::chrono::steady_clock::time_point quiet_until_;
};

}  // namespace lode::http
