// Every endpoint over real sockets: replies to the byte, each documented error, odd input.

#include "edge_fixture.hpp"

namespace lode::http::test {
namespace {

const std::string invalid =
    R"({"success":false,"message":"Validation Error, Please check the request body.","err_detail":)";
const std::string key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const std::string key_in_query = "ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

std::string refused(const std::string& fields) { return invalid + "[" + fields + "]}"; }
std::string field(const std::string& name, const std::string& text) {
  return R"({"field":")" + name + R"(","message":")" + text + "\"}";
}
std::string error_json(const std::string& message, const std::string& detail = "") {
  return R"({"success":false,"message":")" + message + "\"" +
         (detail.empty() ? "" : R"(,"err_detail":")" + detail + "\"") + "}";
}

allocation sample() {
  allocation a;
  a.resource = "nvidia h100";
  a.hotkey = "5Hot";
  a.ssh_ip = "203.0.113.7";
  a.ssh_port = 4444;
  a.ssh_username = "root";
  a.ssh_password = "pw\"";
  a.ssh_command = "ssh root@203.0.113.7 -p 4444";
  a.ssh_key = key;
  a.uuid_key = "u-1";
  a.miner_version = 183;
  a.state = "active";
  a.created_at = "2026-11-25T02:00:00Z";
  a.expires_at = "2026-12-25T02:00:00Z";
  return a;
}

const std::string sample_json =
    R"({"resource":"nvidia h100","hotkey":"5Hot","regkey":"","ssh_ip":"203.0.113.7","ssh_port":4444,)"
    R"("ssh_username":"root","ssh_password":"pw\"","ssh_command":"ssh root@203.0.113.7 -p 4444","ssh_key":")" +
    key +
    R"(","uuid_key":"u-1","miner_version":183,"state":"active","created_at":"2026-11-25T02:00:00Z",)"
    R"("expires_at":"2026-12-25T02:00:00Z"})";

class endpoints : public edge_test {
 protected:
  void expect_422(const answer& a, const std::string& fields) {
    EXPECT_EQ(a.status, 422U) << a.body;
    EXPECT_EQ(a.body, refused(fields));
  }
};

TEST_F(endpoints, root_health_and_unknown) {
  const answer root = call("GET", "/");
  EXPECT_EQ(root.status, 200U);
  EXPECT_EQ(root.body,
            R"({"message":"Welcome to Compute Subnet Allocation API, Please access the API via endpoint."})");
  EXPECT_EQ(root.header("content-type"), "application/json");
  EXPECT_EQ(root.header("x-request-id").size(), 36U);
  EXPECT_EQ(call("GET", "/", "", "X-Request-Id: r-1\r\n").header("x-request-id"), "r-1");
  EXPECT_EQ(call("GET", "/healthz").body, R"({"success":true,"message":"alive"})");
  const answer unknown = call("GET", "/nothing");
  EXPECT_EQ(unknown.status, 404U);
  EXPECT_EQ(unknown.body, error_json("Not Found"));
  const answer wrong = call("GET", "/service/deallocate");
  EXPECT_EQ(wrong.status, 405U);
  EXPECT_EQ(wrong.header("allow"), "post");
  EXPECT_EQ(wrong.body, error_json("Method Not Allowed"));
  EXPECT_EQ(call("HEAD", "/").body, "");
}

TEST_F(endpoints, readyz) {
  says.ready.reply = readiness{true, true, true, {}, 3, 1};
  const answer good = call("GET", "/readyz");
  EXPECT_EQ(good.status, 200U);
  EXPECT_EQ(good.body,
            R"({"success":true,"message":"ready","data":{"store":true,"recovered":true,"miners":3,"allocations":1,)"
            R"("set_aside":[]}})");
  says.ready.reply = readiness{false, true, false, {"5Bad"}, 3, 1};
  const answer bad = call("GET", "/readyz");
  EXPECT_EQ(bad.status, 503U);
  EXPECT_EQ(bad.header("retry-after"), "1");
  EXPECT_EQ(bad.body,
            R"({"success":false,"message":"not ready","err_detail":{"store":true,"recovered":false,"miners":3,)"
            R"("allocations":1,"set_aside":["5Bad"]}})");
}

TEST_F(endpoints, allocate_spec_asks_for_what_was_asked) {
  says.spec.reply = sample();
  const answer a =
      call("POST", "/service/allocate_spec/",
           R"({"requirements":{"cpu_count":"4","gpu_type":"h100","gpu_size":4.0,"ram":" 8 ","hard_disk":true,)"
           R"("timeline":30,"unknown":1},"docker_requirement":{"base_image":"img","ssh_key":")" +
               key + R"(","dockerfile":"RUN x"},"extra":[]})",
           "X-Request-Id: r-7\r\nContent-Type: application/merge+json; charset=utf-8\r\n");
  EXPECT_EQ(a.status, 200U) << a.body;
  EXPECT_EQ(a.body, R"({"success":true,"message":"Resource was successfully allocated","data":)" + sample_json + "}");
  ASSERT_EQ(says.spec.seen.size(), 1U);
  const allocate_spec& m = says.spec.seen[0];
  EXPECT_EQ(m.device, (device_requirement{4, "h100", 4, 1, 8, 1, 30}));
  EXPECT_EQ(m.docker, (docker_requirement{"img", key, "/tmp", "RUN x"}));
  EXPECT_EQ(m.ctx.request_id, "r-7");
  EXPECT_LT(m.ctx.deadline, std::chrono::steady_clock::now() + std::chrono::seconds{301});
}

TEST_F(endpoints, allocate_spec_reports_all_failing_fields) {
  expect_422(post("/service/allocate_spec"),
             field("requirements", "Field required") + "," + field("docker_requirement", "Field required"));
  expect_422(post("/service/allocate_spec", "{}"),
             field("requirements", "Field required") + "," + field("docker_requirement", "Field required"));
  expect_422(post("/service/allocate_spec", "[1]"),
             field("body", "Input should be a valid dictionary or object to extract fields from"));
  expect_422(post("/service/allocate_spec", R"({"requirements":[],"docker_requirement":{}})"),
             field("requirements", "Input should be a valid dictionary or object to extract fields from"));
  expect_422(post("/service/allocate_spec",
                  R"({"requirements":{"cpu_count":1.5,"ram":"x","gpu_type":7,"timeline":0,"gpu_size":null},)"
                  R"("docker_requirement":{"base_image":1,"ssh_key":"not a key"}})"),
             field("cpu_count", "Input should be a valid integer, got a number with a fractional part") + "," +
                 field("gpu_type", "Input should be a valid string") + "," +
                 field("gpu_size", "Input should be a valid integer") + "," +
                 field("ram", "Input should be a valid integer, unable to parse string as an integer") + "," +
                 field("timeline", "Input should be greater than or equal to 1") + "," +
                 field("base_image", "Input should be a valid string") + "," +
                 field("ssh_key", "Input should be one OpenSSH public key line"));
  expect_422(
      post("/service/allocate_spec", R"({"requirements":{},"docker_requirement":{"ssh_key":"ssh-rsa x; rm -rf /"}})"),
      field("ssh_key", "Input should be one OpenSSH public key line"));
  expect_422(post("/service/allocate_spec", R"({"a":)"), R"({"field":5,"message":"JSON decode error"})");
  EXPECT_EQ(call("POST", "/service/allocate_spec", "a=1", "Content-Type: application/x-www-form-urlencoded\r\n").body,
            refused(field("body", "Input should be a valid dictionary or object to extract fields from")));
  EXPECT_TRUE(says.spec.seen.empty());
}

TEST_F(endpoints, bodies_are_bounded_in_depth_and_size) {
  const answer deep = post("/service/allocate_spec", std::string(100000, '['));
  EXPECT_EQ(deep.status, 422U);
  EXPECT_NE(deep.body.find("JSON decode error"), std::string::npos);
  const answer big = call("POST", "/service/allocate_spec", std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(big.status, 413U);
  EXPECT_EQ(big.body, error_json("Request body too large"));
  EXPECT_EQ(post("/service/allocate_spec", std::string(1 << 20, ' ')).status, 422U);
}

TEST_F(endpoints, allocate_spec_errors) {
  const std::string body = R"({"requirements":{},"docker_requirement":{}})";
  says.spec.failure = error{errc::no_candidate};
  const answer none = post("/service/allocate_spec", body);
  EXPECT_EQ(none.status, 404U);
  EXPECT_EQ(none.body, error_json("Fail to allocate resource", "Requested resource is not available."));
  says.spec.failure = error{errc::overloaded};
  const answer busy = post("/service/allocate_spec", body);
  EXPECT_EQ(busy.status, 503U);
  EXPECT_EQ(busy.header("retry-after"), "1");
  for (const errc code : {errc::shutting_down, errc::not_ready, errc::deadline_exceeded}) {
    says.spec.failure = error{code};
    EXPECT_EQ(post("/service/allocate_spec", body).status, 503U);
  }
  says.spec.failure = error{errc::internal, "stack trace with a secret"};
  const answer bug = post("/service/allocate_spec", body);
  EXPECT_EQ(bug.status, 500U);
  EXPECT_EQ(bug.body, error_json("Internal Server Error"));
}

TEST_F(endpoints, allocate_hotkey_takes_scalars_in_both_places) {
  says.hotkey.reply = sample();
  const std::string want =
      R"({"success":true,"message":"Resource was successfully allocated","data":)" + sample_json + "}";
  EXPECT_EQ(post("/service/allocate_hotkey?hotkey=5Q").body, want);
  EXPECT_EQ(post("/service/allocate_hotkey", R"({"hotkey":"5B","ssh_key":")" + key + R"(","base_image":"i"})").body,
            want);
  EXPECT_EQ(
      post("/service/allocate_hotkey?hotkey=5Q&ssh_key=" + key_in_query, R"({"hotkey":"5B","volume_path":"/v"})").body,
      want);
  EXPECT_EQ(post("/service/allocate_hotkey?hotkey=5Q", "null").body, want);
  ASSERT_EQ(says.hotkey.seen.size(), 4U);
  EXPECT_EQ(says.hotkey.seen[0].hotkey, "5Q");
  EXPECT_EQ(says.hotkey.seen[0].docker, docker_requirement{});
  EXPECT_EQ(says.hotkey.seen[1].hotkey, "5B");
  EXPECT_EQ(says.hotkey.seen[1].docker, (docker_requirement{"i", key, "/tmp", ""}));
  EXPECT_EQ(says.hotkey.seen[2].hotkey, "5Q");
  EXPECT_EQ(says.hotkey.seen[2].docker, (docker_requirement{"ubuntu", key, "/v", ""}));
}

TEST_F(endpoints, allocate_hotkey_errors) {
  expect_422(post("/service/allocate_hotkey"), field("hotkey", "Field required"));
  expect_422(post("/service/allocate_hotkey?ssh_key=bad", R"({"base_image":3})"),
             field("hotkey", "Field required") + "," + field("base_image", "Input should be a valid string") + "," +
                 field("ssh_key", "Input should be one OpenSSH public key line"));
  expect_422(post("/service/allocate_hotkey", R"({"hotkey":5})"), field("hotkey", "Input should be a valid string"));
  expect_422(post("/service/allocate_hotkey?hotkey=5Q", "[]"),
             field("body", "Input should be a valid dictionary or object to extract fields from"));
  const answer empty = post("/service/allocate_hotkey?hotkey=");
  EXPECT_EQ(empty.status, 400U);
  EXPECT_EQ(empty.body, error_json("Invalid allocation request", "Invalid hotkey, please check the hotkey"));
  EXPECT_TRUE(says.hotkey.seen.empty());
  says.hotkey.failure = error{errc::blacklisted};
  const answer black = post("/service/allocate_hotkey?hotkey=5Q");
  EXPECT_EQ(black.status, 404U);
  EXPECT_EQ(black.body, error_json("Fail to allocate resource, blacklisted", "blacklisted"));
  for (const errc code : {errc::unknown_hotkey, errc::busy, errc::miner_refused, errc::miner_failed,
                          errc::miner_unreachable, errc::miner_timed_out, errc::miner_nonsense}) {
    says.hotkey.failure = error{code, "why"};
    const answer a = post("/service/allocate_hotkey?hotkey=5Q");
    EXPECT_EQ(a.status, 404U);
    EXPECT_EQ(a.body, error_json("Fail to allocate resource", "Requested resource is not available."));
  }
}

TEST_F(endpoints, deallocate) {
  says.release.reply = done{};
  EXPECT_EQ(post("/service/deallocate?hotkey=5H&uuid_key=u").body,
            R"({"success":true,"message":"Resource deallocated successfully."})");
  EXPECT_EQ(post("/service/deallocate/", R"({"hotkey":"5H","uuid_key":"u","notify_flag":"Yes"})").status, 200U);
  EXPECT_EQ(post("/service/deallocate?notify_flag=off&uuid_key=q", R"({"hotkey":"5H","uuid_key":"b","notify_flag":1})")
                .status,
            200U);
  ASSERT_EQ(says.release.seen.size(), 3U);
  EXPECT_FALSE(says.release.seen[0].notify);
  EXPECT_TRUE(says.release.seen[1].notify);
  EXPECT_FALSE(says.release.seen[2].notify);
  EXPECT_EQ(says.release.seen[2].uuid, "q");
  expect_422(post("/service/deallocate?notify_flag=maybe"),
             field("hotkey", "Field required") + "," + field("uuid_key", "Field required") + "," +
                 field("notify_flag", "Input should be a valid boolean, unable to interpret input"));
  expect_422(post("/service/deallocate", "not json"), R"({"field":0,"message":"JSON decode error"},)" +
                                                          field("hotkey", "Field required") + "," +
                                                          field("uuid_key", "Field required"));
  says.release.reply.reset();
  says.release.failure = error{errc::no_allocation};
  const answer none = post("/service/deallocate?hotkey=5H&uuid_key=u");
  EXPECT_EQ(none.status, 404U);
  EXPECT_EQ(none.body, error_json("No allocation details found for the provided hotkey."));
  says.release.failure = error{errc::wrong_uuid};
  const answer wrong = post("/service/deallocate?hotkey=5H&uuid_key=u");
  EXPECT_EQ(wrong.status, 400U);
  EXPECT_EQ(wrong.body, error_json("Deallocation not successfully, please try again.", "Invalid UUID key"));
  says.release.failure = error{errc::internal, "secret"};
  const answer odd = post("/service/deallocate?hotkey=5H&uuid_key=u");
  EXPECT_EQ(odd.status, 403U);
  EXPECT_EQ(odd.body, error_json("An error occurred during deallocation."));
}

struct action_case {
  const char* path;
  pending_action action;
  const char* good;
  const char* wrong;
  const char* failed;
};

TEST_F(endpoints, docker_actions) {
  const std::vector<action_case> cases{
      {"restart_docker", pending_action::restart, "Resource restarted successfully.",
       "Restart not successfully, please try again.", "An error occurred during restart operation."},
      {"pause_docker", pending_action::pause, "Resource paused successfully.",
       "Pause not successfully, please try again.", "An error occurred during pause operation."},
      {"unpause_docker", pending_action::unpause, "Resource unpaused successfully.",
       "Unpause not successfully, please try again.", "An error occurred during unpause operation."},
      {"exchange_docker_key", pending_action::exchange_key, "Resource ssh_key is exchanged successfully.",
       "Exchange ssh_key not successfully, please try again.", "An error occurred during exchange ssh_key operation."},
  };
  for (const action_case& c : cases) {
    const std::string target = std::string{"/service/"} + c.path + "?hotkey=5H&uuid_key=u&ssh_key=" + key_in_query;
    says.action = {};
    says.action.reply = done{};
    const answer good = post(target);
    EXPECT_EQ(good.status, 200U);
    EXPECT_EQ(good.body, std::string{R"({"success":true,"message":")"} + c.good + "\"}");
    ASSERT_EQ(says.action.seen.size(), 1U);
    EXPECT_EQ(says.action.seen[0].action, c.action);
    EXPECT_EQ(says.action.seen[0].uuid, "u");
    says.action.reply.reset();
    const auto fails = [&](error e, unsigned status, const std::string& body) {
      says.action.failure = std::move(e);
      const answer a = post(target);
      EXPECT_EQ(a.status, status);
      EXPECT_EQ(a.body, body);
    };
    fails(errc::no_allocation, 404, error_json("No allocation details found for the provided hotkey."));
    fails(errc::wrong_uuid, 400, error_json(c.wrong, "Invalid UUID key"));
    fails(errc::miner_unreachable, 403, error_json(c.failed, "No response from miner"));
    fails(errc::miner_timed_out, 403, error_json(c.failed, "No response from miner"));
    fails(error{errc::miner_refused, "no such container"}, 403, error_json(c.failed, "no such container"));
    fails(errc::unknown_hotkey, 403, error_json(c.failed, "The hotkey left the metagraph"));
    fails(error{errc::store_io, "disk"}, 500, error_json("Internal Server Error"));
    expect_422(post(std::string{"/service/"} + c.path + "?ssh_key=" + key_in_query),
               field("hotkey", "Field required") + "," + field("uuid_key", "Field required"));
  }
}

TEST_F(endpoints, extend) {
  const std::string target = "/service/extend?hotkey=5H&uuid_key=u&days=7";
  says.extend.reply = sample();
  const answer good = post(target);
  EXPECT_EQ(good.status, 200U);
  EXPECT_EQ(good.body, R"({"success":true,"message":"Lease was extended successfully.","data":)" + sample_json + "}");
  EXPECT_EQ(post("/service/extend/?days=3", R"({"hotkey":"5B","uuid_key":"v","days":9})").status, 200U);
  EXPECT_EQ(post("/service/extend", R"({"hotkey":"5B","uuid_key":"v","days":" 36500 "})").status, 200U);
  ASSERT_EQ(says.extend.seen.size(), 3U);
  EXPECT_EQ(says.extend.seen[0].hotkey, "5H");
  EXPECT_EQ(says.extend.seen[0].uuid, "u");
  EXPECT_EQ(says.extend.seen[0].days, 7);
  EXPECT_EQ(says.extend.seen[1].days, 3);
  EXPECT_EQ(says.extend.seen[2].days, 36'500);
  says.extend.reply.reset();
  const auto fails = [&](error e, unsigned status, const std::string& body) {
    says.extend.failure = std::move(e);
    const answer a = post(target);
    EXPECT_EQ(a.status, status);
    EXPECT_EQ(a.body, body);
  };
  const std::string refusal = "Extension not successfully, please try again.";
  const std::string failure = "An error occurred during extend operation.";
  fails(errc::no_allocation, 404, error_json("No allocation details found for the provided hotkey."));
  fails(errc::wrong_uuid, 400, error_json(refusal, "Invalid UUID key"));
  fails(error{errc::bad_request, "too long"}, 400, error_json(refusal, "too long"));
  fails(errc::unknown_hotkey, 403, error_json(failure, "The hotkey left the metagraph"));
  fails(error{errc::store_io, "disk"}, 500, error_json("Internal Server Error"));
  fails(errc::deadline_exceeded, 503, error_json("The request could not be finished in time, please try again."));
  const std::string all = field("hotkey", "Field required") + "," + field("uuid_key", "Field required") + ",";
  expect_422(post("/service/extend"), all + field("days", "Field required"));
  expect_422(post("/service/extend?days=0"), all + field("days", "Input should be greater than or equal to 1"));
  expect_422(post("/service/extend?days=36501"), all + field("days", "Input should be less than or equal to 36500"));
  expect_422(post("/service/extend?days=-3"), all + field("days", "Input should be greater than or equal to 1"));
  expect_422(post("/service/extend", R"({"days":1.5})"),
             all + field("days", "Input should be a valid integer, got a number with a fractional part"));
  expect_422(post("/service/extend", R"({"days":null})"), all + field("days", "Input should be a valid integer"));
  expect_422(post("/service/extend?days=soon"),
             all + field("days", "Input should be a valid integer, unable to parse string as an integer"));
  EXPECT_EQ(call("GET", target).status, 405U);
}

TEST_F(endpoints, check_port) {
  const std::string target = "/service/check_port?hotkey=5H&uuid_key=u";
  port_report report;
  report.hotkey = "5H";
  report.ssh_ip = "203.0.113.7";
  report.ssh_port = 4444;
  report.eligible = true;
  report.checked_at = 1'764'036'000'000;
  const auto shown = [](const std::string& port, const std::string& rest) {
    return R"({"success":true,"message":"Checked the SSH port.","data":{"hotkey":"5H","ssh_ip":"203.0.113.7",)"
           R"("ssh_port":4444,"port":")" +
           port + "\"," + rest + R"(,"checked_at":"2025-11-25T02:00:00Z"}})";
  };
  says.port.reply = report;
  EXPECT_EQ(post(target).body, shown("unknown", R"("reachable":false,"healthy":null,"eligible":true,"misses":0)"));
  report.eligible = false;
  report.reachable = true;
  report.healthy = false;
  report.misses = 3;
  for (const auto& [state, word] : {std::pair{ssh_state::closed, "closed"}, std::pair{ssh_state::silent, "open"}}) {
    report.port = state;
    says.port.reply = report;
    EXPECT_EQ(post(target).body, shown(word, R"("reachable":true,"healthy":false,"eligible":false,"misses":3)"));
  }
  report.port = ssh_state::open;
  report.healthy = true;
  says.port.reply = report;
  EXPECT_EQ(post("/service/check_port", R"({"hotkey":"5H","uuid_key":"u"})").body,
            shown("open", R"("reachable":true,"healthy":true,"eligible":false,"misses":3)"));
  EXPECT_EQ(says.port.seen.back().uuid, "u");
  says.port.reply.reset();
  const auto fails = [&](error e, unsigned status, const std::string& body) {
    says.port.failure = std::move(e);
    const answer a = post(target);
    EXPECT_EQ(a.status, status);
    EXPECT_EQ(a.body, body);
  };
  fails(errc::no_allocation, 404, error_json("No allocation details found for the provided hotkey."));
  fails(errc::wrong_uuid, 400, error_json("Check not successfully, please try again.", "Invalid UUID key"));
  fails(error{errc::wrong_state, "the container is paused"}, 403,
        error_json("An error occurred during check operation.", "the container is paused"));
  fails(errc::overloaded, 503, error_json("The service is overloaded, please try again."));
  expect_422(post("/service/check_port"),
             field("hotkey", "Field required") + "," + field("uuid_key", "Field required"));
}

TEST_F(endpoints, exchange_checks_key_and_type) {
  const std::string target = "/service/exchange_docker_key?hotkey=5H&uuid_key=u";
  says.action.reply = done{};
  EXPECT_EQ(post(target, R"({"ssh_key":")" + key + R"(","key_type":"terminal"})").status, 200U);
  EXPECT_EQ(post(target + "&ssh_key=" + key_in_query).status, 200U);
  ASSERT_EQ(says.action.seen.size(), 2U);
  EXPECT_EQ(says.action.seen[0].key_type, "terminal");
  EXPECT_EQ(says.action.seen[0].ssh_key, key);
  EXPECT_EQ(says.action.seen[1].key_type, "user");
  expect_422(post(target + "&key_type=root"),
             field("ssh_key", "Field required") + "," + field("key_type", "Input should be 'user' or 'terminal'"));
  for (const std::string& bad :
       {std::string{""}, std::string{"x"}, key_in_query + "%0A" + key_in_query, "command=%22sh%22%20" + key_in_query})
    expect_422(post(target + "&ssh_key=" + bad), field("ssh_key", "Input should be one OpenSSH public key line"));
}

TEST_F(endpoints, check_miner_status) {
  hotkey_status_list list;
  list.items = {{"5A", "Docker ONLINE", {}}, {"5B", "Not Found", {}}, {"5A", "Docker ONLINE", {}}, {"5C", "", 183}};
  says.status.reply = list;
  const answer a = post("/service/check_miner_status?query_version=t", R"(["5A","5B","5A","5C"])");
  EXPECT_EQ(a.body, R"({"success":true,"message":"List hotkey status successfully.","data":[)"
                    R"({"hotkey":"5A","status":"Docker ONLINE"},{"hotkey":"5B","status":"Not Found"},)"
                    R"({"hotkey":"5A","status":"Docker ONLINE"},{"hotkey":"5C","version":183}]})");
  ASSERT_EQ(says.status.seen.size(), 1U);
  EXPECT_EQ(says.status.seen[0].hotkeys, (std::vector<std::string>{"5A", "5B", "5A", "5C"}));
  EXPECT_TRUE(says.status.seen[0].query_version);
  says.status.reply = hotkey_status_list{};
  EXPECT_EQ(post("/service/check_miner_status", "[]").body,
            R"({"success":true,"message":"List hotkey status successfully.","data":[]})");
  expect_422(post("/service/check_miner_status"), field("body", "Field required"));
  expect_422(post("/service/check_miner_status", R"({"hotkey":"5A"})"), field("body", "Input should be a valid list"));
  expect_422(post("/service/check_miner_status", R"(["5A",3])"),
             R"({"field":1,"message":"Input should be a valid string"})");
}

TEST_F(endpoints, allocations_sql) {
  says.allocations.reply = allocation_list{{sample(), sample()}, 5};
  EXPECT_EQ(post("/list/allocations_sql", R"({"page_size":"2","page_number":null})").body,
            R"({"success":true,"message":"List allocations successfully.","data":[)" + sample_json + "," + sample_json +
                "]}");
  EXPECT_EQ(post("/list/allocations_sql?page_size=0&page_number=0", "[]").status, 200U);
  ASSERT_EQ(says.allocations.seen.size(), 2U);
  EXPECT_EQ(says.allocations.seen[0].page.size, 2);
  EXPECT_EQ(says.allocations.seen[0].page.number, std::nullopt);
  EXPECT_EQ(says.allocations.seen[1].page.size, 0);
  expect_422(post("/list/allocations_sql?page_size=-1&page_number=x"),
             field("page_size", "Input should be greater than or equal to 0") + "," +
                 field("page_number", "Input should be a valid integer, unable to parse string as an integer"));
  says.allocations.reply = allocation_list{};
  const answer none = post("/list/allocations_sql");
  EXPECT_EQ(none.status, 404U);
  EXPECT_EQ(
      none.body,
      R"({"success":false,"message":"No resources found.","err_detail":"No allocated resources found. Allocate a )"
      R"(resource with validator.","data":"No allocated resources found. Allocate a resource with validator."})");
}

TEST_F(endpoints, resources_sql) {
  resource r;
  r.hotkey = "5R";
  r.cpu_count = 8;
  r.gpu_name = "nvidia h100";
  r.gpu_capacity = 79.65;
  r.gpu_count = 1;
  r.ram = 62.5;
  r.hard_disk = 100;
  r.allocate_status = "available";
  resource_list list{{r}, 3, 2, 1, 9};
  says.resources.reply = list;
  const answer a = post("/list/resources_sql?page_size=1&page_number=1",
                        R"({"gpu_name":"H100","cpu_count_min":"4","ram_total_max":64.5,"stats":false})");
  EXPECT_EQ(a.body,
            R"({"success":true,"message":"List resources successfully","data":{"page_items":[{"hotkey":"5R",)"
            R"("cpu_count":8,"gpu_name":"nvidia h100","gpu_capacity":79.65,"gpu_count":1,"ram":62.5,"hard_disk":100.0,)"
            R"("allocate_status":"available"}],"page_number":1,"page_size":1,"next_page_number":2}})");
  ASSERT_EQ(says.resources.seen.size(), 1U);
  EXPECT_EQ(says.resources.seen[0].query.gpu_name, "H100");
  EXPECT_EQ(says.resources.seen[0].query.cpu_count_min, 4);
  EXPECT_EQ(says.resources.seen[0].query.ram_total_max, 64.5);
  EXPECT_EQ(says.resources.seen[0].page.number, 1);
  EXPECT_EQ(post("/list/resources_sql?stats=1").body,
            R"({"success":true,"message":"List resources successfully","data":{"stats":{"available":2,"reserved":1,)"
            R"("total":3}}})");
  says.resources.reply = resource_list{{}, 0, 0, 0, 9};
  EXPECT_EQ(post("/list/resources_sql", R"({"gpu_name":"none such"})").status, 200U);
  says.resources.reply = resource_list{};
  const answer none = post("/list/resources_sql");
  EXPECT_EQ(none.status, 404U);
  EXPECT_EQ(none.body, error_json("There is no resource available", "No resources found."));
  expect_422(post("/list/resources_sql?stats=perhaps", R"({"cpu_count_min":-1,"ram_total_min":"x"})"),
             field("cpu_count_min", "Input should be greater than or equal to 0") + "," +
                 field("ram_total_min", "Input should be a valid number, unable to parse string as a number") + "," +
                 field("stats", "Input should be a valid boolean, unable to interpret input"));
}

TEST_F(endpoints, count_all_gpus) {
  resource two;
  two.gpu_count = 2;
  resource eight;
  eight.gpu_count = 8;
  says.resources.reply = resource_list{{two, eight, two}, 3, 2, 1, 3};
  const answer some = post("/list/count_all_gpus");
  EXPECT_EQ(some.status, 200U);
  EXPECT_EQ(some.body, R"({"success":true,"message":"List resources successfully","count":12,"data":{"count":12}})");
  ASSERT_EQ(says.resources.seen.size(), 1U);
  EXPECT_EQ(says.resources.seen[0].page.number, std::nullopt);
  says.resources.reply = resource_list{};
  EXPECT_EQ(post("/list/count_all_gpus").body,
            R"({"success":true,"message":"List resources successfully","count":0,"data":{"count":0}})");
}

TEST_F(endpoints, count_all_by_model) {
  says.gpus.reply = model_count{3};
  const answer some = post("/list/count_all_by_model?model=RTX%204090&cpu_count=8", R"({"ram_size":"62.5"})");
  EXPECT_EQ(some.status, 200U);
  EXPECT_EQ(some.body, R"({"success":true,"message":"List resources successfully","count":3,"data":{"count":3}})");
  ASSERT_EQ(says.gpus.seen.size(), 1U);
  EXPECT_EQ(says.gpus.seen[0].model, "RTX 4090");
  EXPECT_EQ(says.gpus.seen[0].cpu_count, 8);
  EXPECT_EQ(says.gpus.seen[0].ram_size, 62.5);
  EXPECT_EQ(post("/list/count_all_by_model", R"({"model":"x","cpu_count":null,"ram_size":null})").status, 200U);
  EXPECT_EQ(says.gpus.seen[1].cpu_count, std::nullopt);
  EXPECT_EQ(says.gpus.seen[1].ram_size, std::nullopt);

  const std::string negative = "Input should be greater than or equal to 0";
  expect_422(post("/list/count_all_by_model?cpu_count=1.5&ram_size=much"),
             field("model", "Field required") + "," +
                 field("cpu_count", "Input should be a valid integer, unable to parse string as an integer") + "," +
                 field("ram_size", "Input should be a valid number, unable to parse string as a number"));
  expect_422(post("/list/count_all_by_model", R"({"model":5,"cpu_count":-1,"ram_size":-0.5})"),
             field("model", "Input should be a valid string") + "," + field("cpu_count", negative) + "," +
                 field("ram_size", negative));
  expect_422(post("/list/count_all_by_model?model=x&ram_size=inf"),
             field("ram_size", "Input should be a finite number"));
  expect_422(post("/list/count_all_by_model?model=x", R"({"ram_size":[]})"),
             field("ram_size", "Input should be a valid number"));
  says.gpus.reply.reset();
  says.gpus.failure = error{errc::not_ready};
  EXPECT_EQ(post("/list/count_all_by_model?model=x").status, 503U);
  EXPECT_EQ(says.gpus.seen.size(), 3U);
}

TEST_F(endpoints, listings_of_wandb_say_that_it_is_not_set_up) {
  const std::pair<const char*, const char*> listings[] = {
      {"/list/resources_wandb", "There is no resource available"},
      {"/list/all_runs", "Error occurred while getting runs from wandb"},
      {"/list/specs", "Error occurred while getting specs from wandb"},
      {"/list/run_by_name?run_name=r", "Error occurred while run from wandb"},
      {"/list/available", "Error occurred while fetching available miner from wandb"},
      {"/list/allocated_hotkeys", "Error occurred while fetching allocated hotkey from wandb"}};
  for (const auto& [path, message] : listings) {
    const answer a = post(path);
    EXPECT_EQ(a.status, 404U) << path;
    EXPECT_TRUE(a.body.starts_with(R"({"success":false,"message":")" + std::string{message} +
                                   R"(","err_detail":"W&B is not set up: )"))
        << a.body;
  }
  expect_422(post("/list/run_by_name"), field("run_name", "Field required"));
  const std::string not_negative = "Input should be greater than or equal to 0";
  for (const char* path : {"/list/resources_wandb", "/list/all_runs", "/list/specs", "/list/available"})
    expect_422(post(path, R"({"page_number":-1})"), field("page_number", not_negative));
  const std::string not_bool = "Input should be a valid boolean, unable to interpret input";
  expect_422(post("/list/available?rent_status=perhaps"), field("rent_status", not_bool));
  expect_422(post("/list/resources_wandb?stats=perhaps", R"({"cpu_count_min":-1})"),
             field("cpu_count_min", not_negative) + "," + field("stats", not_bool));
}

class impatient : public edge_test {
 protected:
  edge_settings settings() override {
    edge_settings s = edge_test::settings();
    s.reply_timeout = std::chrono::milliseconds{-1900};  // with the port's grace: a tenth of a second
    return s;
  }
};

TEST_F(impatient, an_actor_that_never_answers_is_503) {
  says.release.drop = true;
  const answer a = post("/service/deallocate?hotkey=5H&uuid_key=u");
  EXPECT_EQ(a.status, 503U);
  EXPECT_EQ(a.header("retry-after"), "1");
  EXPECT_EQ(a.body, error_json("The request could not be finished in time, please try again."));
}

class crowded : public edge_test {
 protected:
  edge_settings settings() override {
    edge_settings s = edge_test::settings();
    s.limits.in_flight = 0;
    return s;
  }
};

TEST_F(crowded, overload_is_503_in_the_envelope) {
  const answer a = call("GET", "/");
  EXPECT_EQ(a.status, 503U);
  EXPECT_EQ(a.header("retry-after"), "1");
  EXPECT_EQ(a.body, error_json("Too many requests in flight"));
}

TEST_F(endpoints, garbage_gets_the_envelope_too) {
  const std::string in = raw("nonsense\r\n\r\n");
  EXPECT_TRUE(in.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(in.ends_with(error_json("Malformed HTTP request")));
}

}  // namespace
}  // namespace lode::http::test
