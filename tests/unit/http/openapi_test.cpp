// The description of the API against the table and the handlers: each says the same.

#include "edge_fixture.hpp"
#include "http/endpoint.hpp"
#include "messages/fields.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/json.hpp>

#include <set>

namespace lode::http::test {
namespace {

namespace json = boost::json;
using names = std::set<std::string>;

class openapi_test : public edge_test {
 protected:
  static names failing(const answer& a) {
    names out;
    if (a.status != 422) return out;
    const json::value refusal = json::parse(a.body);
    for (const auto& e : refusal.at("err_detail").as_array())
      out.insert(e.at("field").is_string() ? std::string{e.at("field").as_string()}
                                           : std::to_string(e.at("field").as_int64()));
    return out;
  }
};

template <class T>
names fields() {
  names out;
  for_each_field<T>([&out](const auto& f) { out.emplace(f.name); });
  return out;
}

names fields_of_body(value_type t) {
  switch (t) {
    case value_type::device_docker:
      return fields<allocate_spec_body>();
    case value_type::device:
      return fields<device_requirement>();
    case value_type::docker:
      return fields<docker_requirement>();
    case value_type::resource_query:
      return fields<resource_query>();
    default:
      return {"body"};
  }
}

TEST_F(openapi_test, has_every_row_of_the_table_and_no_other) {
  const answer a = call("GET", "/openapi.json");
  EXPECT_EQ(a.status, 200U);
  EXPECT_EQ(a.header("content-type"), "application/json");
  const json::value document = json::parse(a.body);
  EXPECT_EQ(document.at("openapi").as_string(), "3.1.0");
  names ids;
  std::size_t operations = 0;
  for (const auto& path : document.at("paths").as_object()) operations += path.value().as_object().size();
  EXPECT_EQ(operations, endpoints().size());
  for (const endpoint& e : endpoints()) {
    SCOPED_TRACE(e.path);
    EXPECT_NE(e.run, nullptr);
    EXPECT_FALSE(e.summary.empty());
    EXPECT_FALSE(e.replies.empty());
    const auto method = boost::algorithm::to_lower_copy(std::string{to_string(e.method)});
    const auto& o = document.at("paths").at(e.path).at(method).as_object();
    EXPECT_TRUE(ids.emplace(o.at("operationId").as_string()).second);
    for (const reply_row& r : e.replies) EXPECT_TRUE(o.at("responses").as_object().contains(std::to_string(r.status)));
    // The router knows it.
    const answer reached = call(std::string{to_string(e.method)}, std::string{e.path});
    EXPECT_TRUE(reached.status != 404U || reached.body.find("\"Not Found\"") == std::string::npos);
    EXPECT_NE(reached.status, 405U);
  }
}

// Each parameter of a row is read by its handler, and a handler reads none that its row does not name.
TEST_F(openapi_test, every_parameter_that_is_wrong_is_named_and_no_other) {
  json::object everything;
  for (const endpoint& e : endpoints())
    for (const parameter& p : e.parameters)
      for (const std::string& name : p.in == place::body ? fields_of_body(p.type) : names{std::string{p.name}})
        everything[name] = json::array{};  // wrong for any of them
  const std::string body = json::serialize(everything);
  for (const endpoint& e : endpoints()) {
    if (e.method != verb::post) continue;
    names expected;
    for (const parameter& p : e.parameters) {
      if (p.in == place::body) expected.merge(fields_of_body(p.type));
      if (p.in == place::query) expected.emplace(p.name);
    }
    EXPECT_EQ(failing(post(std::string{e.path}, body)), expected) << e.path;
  }
  EXPECT_EQ(failing(call("GET", "/connect?since=x")), names{"since"});
}

TEST_F(openapi_test, every_required_parameter_that_is_missing_is_named_and_no_other) {
  for (const endpoint& e : endpoints()) {
    if (e.method != verb::post) continue;
    names expected;
    for (const parameter& p : e.parameters) {
      if (p.optional) continue;
      if (p.in == place::body)
        expected.merge(fields_of_body(p.type));
      else
        expected.emplace(p.name);
    }
    EXPECT_EQ(failing(post(std::string{e.path})), expected) << e.path;
  }
}

// What the scripted actors answer here is an error that no handler expects.
TEST_F(openapi_test, whatever_goes_wrong_within_is_500_as_described) {
  const std::string all =
      R"({"hotkey":"h","uuid_key":"u","model":"m","run_name":"r","name":"n","role":"admin","id":"i","mark":"cordon",)"
      R"("ssh_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f","days":1,)"
      R"("requirements":{},"docker_requirement":{}})";
  std::size_t broken = 0;
  for (const endpoint& e : endpoints()) {
    if (e.method != verb::post) continue;
    const bool list = e.path == "/service/check_miner_status";
    const answer a = post(std::string{e.path}, list ? R"(["h"])" : all);
    EXPECT_NE(a.status, 422U) << e.path << a.body;
    if (a.status != 500) continue;
    ++broken;
    EXPECT_EQ(a.body, R"({"success":false,"message":"Internal Server Error"})") << e.path;
  }
  EXPECT_GE(broken, 15U);  // all but those that ask nobody, and deallocate, which answers 403
}

TEST_F(openapi_test, the_pages_for_people_are_served_from_here_under_a_strict_policy) {
  const answer page = call("GET", "/docs");
  EXPECT_EQ(page.status, 200U);
  EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.body.find("http:"), std::string::npos);
  EXPECT_EQ(page.body.find("https:"), std::string::npos);
  for (const auto& [path, type, holds] :
       {std::tuple{"/docs/start.js", "text/javascript; charset=utf-8", "/openapi.json"},
        std::tuple{"/docs/swagger-ui.css", "text/css; charset=utf-8", ".swagger-ui"},
        std::tuple{"/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", "SwaggerUIBundle"}}) {
    EXPECT_NE(page.body.find(path), std::string::npos) << path;
    const answer a = call("GET", path);
    EXPECT_EQ(a.status, 200U) << path;
    EXPECT_EQ(a.header("content-type"), type);
    EXPECT_EQ(a.header("x-content-type-options"), "nosniff");
    EXPECT_NE(a.header("content-security-policy").find("script-src 'self';"), std::string::npos);
    EXPECT_NE(a.body.find(holds), std::string::npos) << path;
  }
  const answer dashboard = call("GET", "/ui");
  EXPECT_EQ(dashboard.status, 200U);
  EXPECT_EQ(dashboard.header("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(dashboard.header("content-security-policy").find("unsafe"), std::string::npos);
  for (const std::string path : {"/ui/style.css", "/ui/app.js"}) {
    EXPECT_NE(dashboard.body.find('"' + path + '"'), std::string::npos) << path;
    EXPECT_EQ(call("GET", path).status, 200U) << path;
  }
}

}  // namespace
}  // namespace lode::http::test
