#include "miner/docker_engine.hpp"

#include "miner/docker_json.hpp"
#include "miner/turnstile.hpp"
#include "miner/unix_http.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace lode::miner {

using std::chrono::milliseconds;

namespace {

constexpr std::string_view api = "/v1.41";

class docker_engine final : public engine {
 public:
  docker_engine(boost::asio::io_context& io, docker_engine_options options)
      : options_(std::move(options)), gate_(io, options_.concurrency, options_.waiting) {}

  task<result<engine_dialect>> ping() override {
    auto reply = co_await ask(http::verb::get, "/_ping");
    if (reply.has_error()) co_return reply.error();
    if (reply->status != 200) co_return engine_error(*reply, "ping");
    dialect_ = reply->header("libpod-api-version").empty() ? engine_dialect::docker : engine_dialect::podman;
    co_return *dialect_;
  }

  task<result<std::string>> create(const container_spec& spec) override {
    if (auto ok = check_spec(spec); ok.has_error()) co_return ok.error();
    if (!dialect_) {
      if (auto known = co_await ping(); known.has_error()) co_return known.error();
    }
    const std::string body = create_body(spec, *dialect_);
    auto reply = co_await ask(http::verb::post, "/containers/create?name=" + percent_encode(spec.name), body,
                              "application/json", options_.create_timeout);
    if (reply.has_error()) co_return reply.error();
    if (reply->status != 201) co_return engine_error(*reply, "create");
    auto id = id_of(reply->body);
    if (id.empty()) co_return error{errc::engine_failed, "create: the engine named no container"};
    co_return id;
  }

  task<result<void>> start(std::string id) override {
    return act(http::verb::post, container(id) + "/start", "start", options_.start_timeout);
  }
  task<result<void>> stop(std::string id, std::chrono::seconds grace) override {
    return act(http::verb::post, fmt::format("{}/stop?t={}", container(id), grace.count()), "stop",
               options_.start_timeout + grace);
  }
  task<result<void>> kill(std::string id) override {
    return act(http::verb::post, container(id) + "/kill?signal=KILL", "kill", options_.call_timeout);
  }
  task<result<void>> pause(std::string id) override {
    return act(http::verb::post, container(id) + "/pause", "pause", options_.call_timeout);
  }
  task<result<void>> unpause(std::string id) override {
    return act(http::verb::post, container(id) + "/unpause", "unpause", options_.call_timeout);
  }
  task<result<void>> remove(std::string id) override {
    return act(http::verb::del, container(id) + "?force=1&v=1", "remove", options_.start_timeout);
  }

  task<result<container_state>> inspect(std::string id, bool with_size) override {
    auto reply = co_await ask(http::verb::get, container(id) + (with_size ? "/json?size=1" : "/json"), {}, {},
                              with_size ? options_.start_timeout : options_.call_timeout);
    if (reply.has_error()) co_return reply.error();
    if (reply->status != 200) co_return engine_error(*reply, "inspect");
    co_return parse_inspect(reply->body);
  }

  task<result<container_stats>> stats(std::string id) override {
    auto reply = co_await ask(http::verb::get, container(id) + "/stats?stream=false");
    if (reply.has_error()) co_return reply.error();
    if (reply->status != 200) co_return engine_error(*reply, "stats");
    co_return parse_stats(reply->body);
  }

  task<result<std::vector<container_state>>> list(std::string key, std::string value) override {
    auto reply = co_await ask(http::verb::get, "/containers/json?all=1&filters=" + label_filter(key, value));
    if (reply.has_error()) co_return reply.error();
    if (reply->status != 200) co_return engine_error(*reply, "list");
    co_return parse_container_list(reply->body);
  }

  task<result<void>> upload(std::string id, std::string tar) override {
    auto reply = co_await ask(http::verb::put, container(id) + "/archive?path=%2F", std::move(tar), "application/x-tar",
                              options_.start_timeout);
    if (reply.has_error()) co_return reply.error();
    if (reply->status != 200) co_return engine_error(*reply, "upload");
    co_return result<void>{};
  }

  task<result<std::string>> download(std::string id, std::string path) override {
    auto reply = co_await ask(http::verb::get, container(id) + "/archive?path=" + percent_encode(path));
    if (reply.has_error()) co_return reply.error();
    if (reply->status != 200) co_return engine_error(*reply, "download");
    co_return std::move(reply->body);
  }

  task<result<void>> commit(std::string id, std::string repo, std::string tag,
                            std::vector<std::string> changes) override {
    std::string target = fmt::format("/commit?container={}&repo={}&tag={}", percent_encode(id), percent_encode(repo),
                                     percent_encode(tag));
    for (const auto& c : changes) target += "&changes=" + percent_encode(c);
    // Podman wants a body and ignores what is in it.
    return act(http::verb::post, std::move(target), "commit", options_.commit_timeout, "{}");
  }

  task<result<image_info>> inspect_image(std::string name) override {
    auto reply = co_await ask(http::verb::get, "/images/" + percent_encode(name) + "/json");
    if (reply.has_error()) co_return reply.error();
    if (reply->status != 200) co_return engine_error(*reply, "inspect image");
    co_return parse_image(reply->body);
  }

  task<result<std::vector<image_info>>> list_images(std::string key, std::string value) override {
    auto reply = co_await ask(http::verb::get, "/images/json?filters=" + label_filter(key, value));
    if (reply.has_error()) co_return reply.error();
    if (reply->status != 200) co_return engine_error(*reply, "list images");
    co_return parse_image_list(reply->body);
  }

  task<result<void>> remove_image(std::string name) override {
    return act(http::verb::del, "/images/" + percent_encode(name), "remove image", options_.commit_timeout);
  }

 private:
  static std::string container(const std::string& id) { return "/containers/" + percent_encode(id); }

  task<result<unix_reply>> ask(http::verb method, std::string target, std::string body = {}, std::string type = {},
                               std::optional<milliseconds> timeout = {}) {
    auto pass = co_await gate_.enter();
    if (!pass) co_return error{errc::overloaded, "too many requests wait for the container engine"};
    unix_request request;
    request.method = method;
    request.target = fmt::format("{}{}", api, target);
    request.body = std::move(body);
    request.content_type = std::move(type);
    request.timeout = timeout.value_or(options_.call_timeout);
    request.reply_bytes = options_.reply_bytes;
    co_return co_await send_over_unix_socket(options_.socket, std::move(request));
  }

  // A request whose answer has nothing to read but its status; 304 is "already so".
  task<result<void>> act(http::verb method, std::string target, std::string what, milliseconds timeout,
                         std::string body = {}) {
    std::string type = body.empty() ? "" : "application/json";
    auto reply = co_await ask(method, std::move(target), std::move(body), std::move(type), timeout);
    if (reply.has_error()) co_return reply.error();
    if ((reply->status < 200 || reply->status > 299) && reply->status != 304) co_return engine_error(*reply, what);
    co_return result<void>{};
  }

  docker_engine_options options_;
  turnstile gate_;
  std::optional<engine_dialect> dialect_;
};

}  // namespace

std::unique_ptr<engine> make_docker_engine(boost::asio::io_context& io, docker_engine_options options) {
  return std::make_unique<docker_engine>(io, std::move(options));
}

}  // namespace lode::miner
