#pragma once
// Replies that more than one endpoint gives.

#include "http/server/message.hpp"
#include "messages/actors.hpp"
#include "messages/envelope.hpp"
#include "messages/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lode::http {

/// {"success":true,...} with `data` as JSON; empty leaves it out.
response succeeded(std::string_view message, std::string_view data = {});
/// The error envelope; an empty detail is left out. 503 gets a retry-after.
response failed(unsigned status, std::string_view message, std::string_view detail_text = {});

/// True for errors that have nothing to do with what was asked: overload, start, stop, deadline. unavailable() is their
/// reply.
bool is_unavailable(errc code) noexcept;
response unavailable(const error& e);

/// 500 and a log line: what a handler answers when an error is a bug or the store's. The client learns no more.
response broken(const request& req, const error& e);

/// What is left when an error is none that the endpoint tells of: unavailable(), or else broken().
response not_done(const request& req, const error& e);

/// A JSON list; `write(out, item)` appends each item.
template <class T, class F>
std::string list_of(const std::vector<T>& items, F write) {
  std::string out{"["};
  for (const T& item : items) {
    if (out.size() > 1) out.push_back(',');
    write(out, item);
  }
  out.push_back(']');
  return out;
}

/// The reply with the page that was `asked` for, of an actor's answer with `items` and `total`.
template <class List, class F>
response listed(std::string_view message, const List& answer, const page_request& asked, F write) {
  return succeeded(message,
                   page(list_of(answer.items, write), answer.items.size(), answer.total, asked.number, asked.size));
}

/// `text` for a log line: what is not printable ASCII is a '?', and it is cut to a sane length.
std::string printable(std::string_view text);

/// What an error of a call to a miner is to a renter: "No response from miner", or the reason.
std::string reason_of(const error& e);

}  // namespace lode::http
