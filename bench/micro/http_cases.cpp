// What a request costs before and after its handler: reading, finding the route, writing the reply; kept listings.

#include "bench/micro/micro.hpp"
#include "bench/micro/samples.hpp"
#include "http/endpoint.hpp"
#include "http/page_cache.hpp"
#include "http/replies.hpp"
#include "http/server/reader.hpp"
#include "http/server/router.hpp"
#include "http/server/writer.hpp"
#include "messages/json.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <memory>

namespace lode::micro {
namespace {

std::string request_text() {
  const auto body = sample_allocate_body();
  return "POST /service/allocate_spec?page_number=1 HTTP/1.1\r\nHost: 127.0.0.1:8903\r\nUser-Agent: curl/7.88.1\r\n"
         "Accept: */*\r\nContent-Type: application/json\r\nX-Request-Id: 5d47a89b-61c7\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

loop read_request() {
  auto reader = std::make_shared<http::request_reader>(16384, 1U << 20U);
  return [reader, text = request_text()](std::size_t n) {
    for (; n > 0; --n) {
      reader->reset();
      must(reader->feed(text) == text.size() && reader->state() == http::request_reader::progress::complete,
           "reading a request");
    }
  };
}

loop find_route() {
  auto routes =
      std::make_shared<http::router>([](unsigned status, std::string_view text) { return http::failed(status, text); });
  for (const auto& e : http::endpoints())
    routes->add(e.method, std::string{e.path}, [](http::request&) -> http::task<http::response> {
      co_return http::response{200, "{}"};
    });
  return [handle = http::router::as_handler(routes)](std::size_t n) {
    // All in one coroutine: the event loop is no part of it.
    static const auto serve = [](const http::handler& h, std::size_t times) -> http::task<void> {
      http::request req;
      req.method = http::verb::post;
      req.path = "/service/allocate_spec";
      for (; times > 0; --times) {
        const auto answer = co_await h(req);
        must(answer.status == 200, "finding a route");
      }
    };
    boost::asio::io_context io;
    boost::asio::co_spawn(io, serve(handle, n), boost::asio::detached);
    io.run();
  };
}

loop write_reply() {
  std::string data;
  write_json(data, view_of(sample_record()));
  auto reply = http::succeeded("Resource was successfully allocated", data);
  return [reply](std::size_t n) {
    const http::response_frame frame{"5d47a89b-61c7", "Fri, 27 Nov 2026 04:01:00 GMT", true, false, false};
    for (; n > 0; --n) {
      std::string out;
      http::append_response(out, reply, frame);
      keep(out);
    }
  };
}

loop kept_listing() {
  auto pages = std::make_shared<http::page_cache>(std::make_shared<const listing_clock>(), http::page_cache::limits{});
  http::request req;
  req.method = http::verb::post;
  req.path = "/list/resources_sql";
  http::response page{200, std::string(12'000, 'p')};
  for (int i = 1; i <= 100; ++i) {
    req.target = "/list/resources_sql?page_number=" + std::to_string(i) + "&page_size=50";
    pages->keep(req, pages->now(), page);
  }
  return [pages, req](std::size_t n) {
    for (; n > 0; --n) must(!pages->find(req).empty(), "finding a kept listing");
  };
}

}  // namespace

std::vector<micro_case> http_cases() {
  return {
      {"http.read", "head and body of a request to allocate", 200, read_request},
      {"http.route", "its route found among all, an empty handler entered and left", 1000, find_route},
      {"http.write", "the reply to an allocation as bytes", 1000, write_reply},
      {"listing.kept", "a page found among 100 that were kept", 1000, kept_listing},
  };
}

}  // namespace lode::micro
