// The floor under our server: Beast as its examples use it, one thread, a constant answer to any request, of about 600
// bytes or what a file holds.
#include "bench/baselines/bare_server.hpp"

#include <CLI/CLI.hpp>

#include <fstream>
#include <iterator>

int main(int argc, char** argv) {
  CLI::App app{"A bare Beast HTTP server to measure loded beside"};
  std::string listen = "127.0.0.1:0";
  app.add_option("--listen", listen, "HOST:PORT, port 0 picks one");
  std::string file;
  app.add_option("--body", file, "file with the answer; none: as long as the answer to an allocate call")
      ->check(CLI::ExistingFile);
  CLI11_PARSE(app, argc, argv);
  try {
    std::string body = baselines::allocation_like();
    if (!file.empty()) {
      std::ifstream in{file, std::ios::binary};
      body.assign(std::istreambuf_iterator<char>{in}, {});
      if (!in) throw std::runtime_error{"cannot read " + file};
    }
    auto answer = [&body](const baselines::request&) -> baselines::task<std::string_view> { co_return body; };
    baselines::asio::io_context io{1};
    baselines::run(io, listen, answer);
  } catch (const std::invalid_argument& e) {
    std::cerr << e.what() << '\n';
    return 2;
  } catch (const std::exception& e) {
    std::cerr << "baseline_beast: " << e.what() << '\n';
    return 1;
  }
  return 0;
}
