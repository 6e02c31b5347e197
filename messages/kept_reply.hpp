#pragma once
// What is kept of an allocate call under an idempotency key, and how it looks in the store. Pure; any thread.

#include "messages/record_codec.hpp"

#include <string>
#include <string_view>

namespace lode {

/// An allocate call under a key: the same call again is answered with what became of the first.
struct idempotency_claim {
  std::string key;
  std::string fingerprint;  ///< hex; equal for equal requests of one caller, and for no others
};

/// The reply to such a call, kept for whoever asks again.
struct kept_reply {
  std::string key;
  std::string fingerprint;
  unix_ms at = 0;
  std::string data;  ///< secret; the reply's `data` as JSON
};

/// `{"v":1,"request","at","data"}`; `data` passes through `seal`, the key is the store's key.
std::string encode(const kept_reply& r, const seal_function& seal);
/// store_damaged for other text, store_newer for another version, `open`'s error for a bad seal. Without `open` the
/// data stays empty.
result<kept_reply> decode_kept_reply(std::string key, std::string_view text, const open_function& open);

}  // namespace lode
