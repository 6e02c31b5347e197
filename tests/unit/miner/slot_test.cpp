// The slot on a fake engine: every failure half-way ends in a defined state and leaves nothing behind.

#include "crypto/crypto.hpp"
#include "miner/background.hpp"
#include "rig.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>

namespace {

using namespace lode;
using namespace lode::miner;
using namespace lode::miner::testing;

error failed(errc code = errc::engine_failed) { return {code, "scripted"}; }

class slot_test : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(crypto::init());
    first.emplace(w, d);
    ASSERT_TRUE(first->run(first->the_slot.reconcile())->has_value());
  }
  boost::json::value access(const slot_answer& a, int k = 0) {
    const auto plain = crypto::decrypt_with(key(k).private_pem, a.info);
    EXPECT_TRUE(plain);
    EXPECT_LE(plain.value().size(), 190U);
    return boost::json::parse(plain.value());
  }
  void expect_free(rig& r) {
    EXPECT_EQ(r.the_slot.record(), slot_record{});
    EXPECT_EQ(d.record, slot_record{});
    EXPECT_TRUE(w.containers.empty());
    EXPECT_EQ(w.images.size(), 1U);
    EXPECT_TRUE(r.run(r.the_slot.check())->yes);
  }
  world w;
  disk d;
  std::optional<rig> first;
};

TEST_F(slot_test, a_register_that_its_deregister_overtook_is_refused) {
  ASSERT_TRUE(first->reg(0).yes);
  EXPECT_FALSE(first->run(first->the_slot.deregister(key(1).public_pem))->yes);
  EXPECT_TRUE(first->run(first->the_slot.deregister(key(0).public_pem))->yes);
  for (const int k : {0, 1}) EXPECT_FALSE(first->reg(k).yes) << k;
  expect_free(*first);
  EXPECT_TRUE(first->reg(2).yes) << "a fresh key is welcome";
}

TEST_F(slot_test, registers_and_answers_the_same_again) {
  for (const int k : {0, 2}) {
    const auto answer = first->reg(k);
    ASSERT_TRUE(answer.yes) << answer.reason;
    const auto info = access(answer, k);
    EXPECT_EQ(info.at("username").as_string(), "root");
    EXPECT_EQ(info.at("port").as_int64(), d.record.port);
    EXPECT_EQ(d.record.phase, slot_phase::occupied);
    EXPECT_FALSE(first->run(first->the_slot.check())->yes);
    EXPECT_TRUE(first->run(first->the_slot.holds(key(k).public_pem))->yes);
    EXPECT_EQ(access(first->reg(k), k), info);
    EXPECT_EQ(w.rentals(), 1);

    EXPECT_FALSE(first->reg(1).yes) << "another key is refused";
    EXPECT_EQ(w.rentals(), 1);
    EXPECT_TRUE(first->run(first->the_slot.deregister(key(k).public_pem))->yes);
    expect_free(*first);
    EXPECT_TRUE(first->run(first->the_slot.deregister(key(k).public_pem))->yes);
  }
}

TEST_F(slot_test, any_failing_step_leaves_a_free_slot) {
  for (const auto* op : {"inspect_image", "create", "download /etc/shadow", "upload",
                         "download /root/.ssh/authorized_keys", "start", "commit"}) {
    auto request = small_request();
    request.script = "true";
    first->engine.failures[op] = {failed()};
    const auto answer = first->reg(0, "5Validator", request);
    EXPECT_FALSE(answer.yes) << op;
    EXPECT_FALSE(answer.reason.empty()) << op;
    expect_free(*first);
  }
}

TEST_F(slot_test, a_lost_upload_is_noticed) {
  w.lose_uploads = true;
  EXPECT_FALSE(first->reg().yes);
  expect_free(*first);
}

TEST_F(slot_test, a_script_that_fails_or_writes_too_much_is_refused) {
  auto request = small_request();
  request.script = "false";
  w.script_exit = 3;
  EXPECT_THAT(first->reg(0, "5Validator", request).reason, ::testing::HasSubstr("code 3"));
  expect_free(*first);
  w.script_exit = 0;
  w.script_bytes = 1LL << 40U;
  EXPECT_THAT(first->reg(0, "5Validator", request).reason, ::testing::HasSubstr("wrote more"));
  expect_free(*first);
}

TEST_F(slot_test, a_taken_port_is_passed_over_and_remembered) {
  w.taken_ports = {42000, 42001};
  ASSERT_TRUE(first->reg().yes);
  EXPECT_EQ(d.record.port, 42002);
  EXPECT_EQ(w.containers.size(), 1U);
}

TEST_F(slot_test, no_banner_is_no_allocation) {
  w.ssh_answers = false;
  EXPECT_THAT(first->reg().reason, ::testing::HasSubstr("SSH did not answer"));
  expect_free(*first);
}

TEST_F(slot_test, a_removal_that_fails_is_repeated) {
  ASSERT_TRUE(first->reg().yes);
  first->engine.failures["remove"] = {failed(), failed()};
  EXPECT_TRUE(first->run(first->the_slot.deregister(key(0).public_pem))->yes);
  expect_free(*first);
}

TEST_F(slot_test, an_engine_that_is_away_leaves_removing_until_it_is_back) {
  ASSERT_TRUE(first->reg().yes);
  const auto away = failed(errc::engine_unreachable);
  first->engine.failures["list"] = {away};
  EXPECT_FALSE(first->run(first->the_slot.deregister(key(0).public_pem))->yes);
  EXPECT_EQ(d.record.phase, slot_phase::removing);
  EXPECT_TRUE(d.record.password.empty());
  EXPECT_TRUE(first->run(first->the_slot.holds(key(0).public_pem))->yes) << "who hears no forgets the container";
  EXPECT_FALSE(first->run(first->the_slot.holds(key(1).public_pem))->yes);
  EXPECT_FALSE(first->reg(0).yes);
  EXPECT_TRUE(first->run(first->the_slot.reconcile())->has_value());
  expect_free(*first);
}

TEST_F(slot_test, an_engine_that_does_not_say_is_no_denial) {
  ASSERT_TRUE(first->reg().yes);
  first->engine.failures["inspect"] = {failed(errc::engine_unreachable)};
  EXPECT_TRUE(first->run(first->the_slot.holds(key(0).public_pem))->yes);
  w.containers.clear();
  EXPECT_FALSE(first->run(first->the_slot.holds(key(0).public_pem))->yes);
}

TEST_F(slot_test, state_that_cannot_be_saved_makes_no_container) {
  d.fail_saves = 1;
  EXPECT_FALSE(first->reg().yes);
  EXPECT_TRUE(w.containers.empty());
  EXPECT_TRUE(first->reg().yes);
}

TEST_F(slot_test, deregister_cancels_a_register_under_way) {
  w.ssh_answers = false;
  std::optional<slot_answer> made, gone;
  first->start(first->the_slot.reg(key(0).public_pem, "5Validator", 30, small_request()), made);
  first->engine.dies_at = [&](const std::string& step) {
    if (step == "after start") first->start(first->the_slot.deregister(key(0).public_pem), gone);
    return false;
  };
  first->io.restart();
  const auto began = std::chrono::steady_clock::now();
  first->io.run_for(std::chrono::seconds{10});
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds{1400}) << "it waited for the banner";
  ASSERT_TRUE(made && gone);
  EXPECT_FALSE(made->yes);
  EXPECT_TRUE(gone->yes);
  first->engine.dies_at = {};
  expect_free(*first);
}

TEST_F(slot_test, two_registers_of_one_key_make_one_container) {
  std::optional<slot_answer> a, b, other;
  first->start(first->the_slot.reg(key(0).public_pem, "5Validator", 30, small_request()), a);
  first->start(first->the_slot.reg(key(0).public_pem, "5Validator", 30, small_request()), b);
  first->start(first->the_slot.reg(key(1).public_pem, "5Validator", 30, small_request()), other);
  first->io.restart();
  first->io.run_for(std::chrono::seconds{10});
  ASSERT_TRUE(a && b && other);
  EXPECT_EQ(access(*a), access(*b));
  EXPECT_FALSE(other->yes);
  EXPECT_EQ(w.containers.size(), 1U);
}

TEST_F(slot_test, actions_follow_the_state_and_the_validator) {
  auto& s = first->the_slot;
  EXPECT_FALSE(first->run(s.restart("5Validator"))->yes);
  ASSERT_TRUE(first->reg().yes);
  EXPECT_FALSE(first->run(s.pause("5Other"))->yes);
  EXPECT_FALSE(first->run(s.unpause("5Validator"))->yes);
  EXPECT_TRUE(first->run(s.pause("5Validator"))->yes);
  EXPECT_TRUE(d.record.paused);
  EXPECT_FALSE(first->run(s.pause("5Validator"))->yes);
  EXPECT_FALSE(first->run(s.check())->yes) << "paused is occupied";
  EXPECT_TRUE(first->run(s.holds(key(0).public_pem))->yes);
  EXPECT_TRUE(first->run(s.restart("5Validator"))->yes);
  EXPECT_FALSE(d.record.paused);
  w.containers.begin()->second.status = container_status::exited;
  EXPECT_TRUE(first->run(s.restart("5Validator"))->yes) << "starts a stopped one";

  const std::string good = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  EXPECT_FALSE(first->run(s.exchange_key("5Validator", "junk", "user"))->yes);
  EXPECT_FALSE(first->run(s.exchange_key("5Validator", good, "root"))->yes);
  EXPECT_FALSE(first->run(s.exchange_key("5Other", good, "user"))->yes);
  const auto swapped = first->run(s.exchange_key("5Validator", good, "terminal"));
  EXPECT_TRUE(swapped->yes) << swapped->reason;
  EXPECT_EQ(w.containers.begin()->second.files.at("root/.ssh/authorized_keys").content, "\n" + good + "\n");
}

class key_test : public slot_test {
 protected:
  void SetUp() override {
    slot_test::SetUp();
    ASSERT_TRUE(first->reg().yes);
    ASSERT_TRUE(exchange(old_key).yes);
  }
  slot_answer exchange(const std::string& line) {
    return first->run(first->the_slot.exchange_key("5Validator", line, "user")).value_or(slot_answer::no("died"));
  }
  fake_container& container() { return w.containers.begin()->second; }
  std::string in_force() { return container().files.at("root/.ssh/authorized_keys").content; }

  const std::string old_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  const std::string new_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA";
};

TEST_F(key_test, is_compared_by_content) {
  // Both lines are equally long.
  w.lose_uploads = true;
  EXPECT_FALSE(exchange(new_key).yes);
  EXPECT_EQ(d.record.user_key, old_key);
  w.lose_uploads = false;
  EXPECT_TRUE(exchange(new_key).yes);
  EXPECT_EQ(in_force(), new_key + "\n\n");
}

TEST_F(key_test, is_never_written_where_the_engine_does_not_reach_the_container) {
  w.reaches_outside = true;
  const std::string before = "the machine's own root";
  for (const bool has_host_key : {false, true}) {
    w.outside.clear();
    w.outside["root/.ssh/authorized_keys"].content = before;
    if (has_host_key) w.outside["etc/ssh/ssh_host_ed25519_key.pub"].content = "ssh-ed25519 AAAA another\n";
    const auto& wanted = has_host_key ? old_key : new_key;
    const auto answer = exchange(wanted);
    EXPECT_TRUE(answer.yes) << answer.reason;
    EXPECT_EQ(w.outside.at("root/.ssh/authorized_keys").content, before);
    EXPECT_EQ(in_force(), wanted + "\n\n");
    EXPECT_EQ(container().status, container_status::running);
  }
  // A stop that fails leaves all as it was; a put that fails leaves the container running.
  first->engine.failures["stop"] = {failed()};
  EXPECT_FALSE(exchange(new_key).yes);
  first->engine.failures["upload"] = {failed()};
  EXPECT_FALSE(exchange(new_key).yes);
  EXPECT_EQ(w.outside.at("root/.ssh/authorized_keys").content, before);
  EXPECT_EQ(in_force(), old_key + "\n\n");
  EXPECT_EQ(d.record.user_key, old_key);
  EXPECT_EQ(container().status, container_status::running);
}

TEST_F(key_test, of_before_is_in_force_after_a_no) {
  first->engine.failures["download /root/.ssh/authorized_keys"] = {failed()};
  EXPECT_FALSE(exchange(new_key).yes) << "uploaded, but not to be read again";
  EXPECT_EQ(in_force(), old_key + "\n\n");
  d.fail_saves = 1;
  EXPECT_FALSE(exchange(new_key).yes) << "uploaded, but not saved";
  EXPECT_EQ(in_force(), old_key + "\n\n");
  EXPECT_EQ(d.record.user_key, old_key);
}

TEST_F(key_test, of_a_paused_or_stopped_container_is_exchanged_without_waking_it) {
  for (const auto status : {container_status::paused, container_status::exited}) {
    container().status = status;
    EXPECT_TRUE(exchange(status == container_status::paused ? new_key : old_key).yes);
    EXPECT_EQ(container().status, status);
  }
  EXPECT_EQ(in_force(), old_key + "\n\n");
  container().status = container_status::paused;
  container().files.erase("etc/ssh/ssh_host_ed25519_key.pub");  // by the renter
  EXPECT_FALSE(exchange(new_key).yes);
  EXPECT_EQ(in_force(), old_key + "\n\n");
  EXPECT_EQ(container().status, container_status::paused);
}

TEST_F(slot_test, a_restart_that_fails_halfway_is_finished_by_reconcile) {
  ASSERT_TRUE(first->reg().yes);
  first->engine.failures["start"] = {failed()};
  EXPECT_FALSE(first->run(first->the_slot.restart("5Validator"))->yes);
  EXPECT_EQ(w.containers.begin()->second.status, container_status::exited);
  EXPECT_TRUE(first->run(first->the_slot.reconcile())->has_value());
  EXPECT_EQ(w.containers.begin()->second.status, container_status::running);
}

TEST_F(slot_test, the_lease_ends_also_after_a_restart) {
  ASSERT_TRUE(first->reg().yes);
  first.reset();
  rig second{w, d};
  second.now += 30LL * 86'400'000 - 1;
  EXPECT_TRUE(second.run(second.the_slot.reconcile())->has_value());
  EXPECT_EQ(w.rentals(), 1);
  second.now += 1;
  EXPECT_TRUE(second.run(second.the_slot.reconcile())->has_value());
  expect_free(second);
}

TEST_F(slot_test, ending_a_lease_is_tried_again_and_is_no_cycle) {
  ASSERT_TRUE(first->reg().yes);
  auto& s = first->the_slot;
  fake_container stray;
  stray.spec.labels = {{label_owner, "5Owner"}, {label_allocation, "x"}};
  w.containers["stray"] = stray;
  EXPECT_TRUE(first->run(s.reconcile())->has_value()) << "the stray is seen once";
  first->now = s.lease_end() - 1;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(first->run(s.end_lease())->has_value());
  EXPECT_EQ(w.rentals(), 1) << "not due yet";

  first->now = s.lease_end();
  d.fail_saves = 1;
  EXPECT_FALSE(first->run(s.end_lease())->has_value());
  EXPECT_EQ(d.record.phase, slot_phase::occupied);
  const auto away = failed(errc::engine_unreachable);
  first->engine.failures["list"] = {away, away};
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(first->run(s.end_lease())->has_value());
  EXPECT_EQ(d.record.phase, slot_phase::removing);
  EXPECT_EQ(s.lease_end(), first->now) << "still due";
  EXPECT_TRUE(first->run(s.end_lease())->has_value());
  EXPECT_EQ(d.record, slot_record{});
  EXPECT_EQ(s.lease_end(), 0);
  EXPECT_TRUE(w.containers.contains("stray")) << "it has its cycle of grace";
  EXPECT_TRUE(first->run(s.reconcile())->has_value());
  expect_free(*first);
}

TEST_F(slot_test, ending_a_lease_does_not_count_a_missing_container) {
  ASSERT_TRUE(first->reg().yes);
  auto& s = first->the_slot;
  w.containers.clear();
  EXPECT_TRUE(first->run(s.reconcile())->has_value());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(first->run(s.end_lease())->has_value());
  EXPECT_EQ(d.record.phase, slot_phase::occupied);
  first->now = s.lease_end();
  d.fail_saves = 3;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(first->run(s.end_lease())->has_value());
  EXPECT_EQ(d.record.phase, slot_phase::occupied) << "nothing could be saved";
  EXPECT_TRUE(first->run(s.end_lease())->has_value());
  expect_free(*first);
}

TEST_F(slot_test, an_exception_in_a_register_ends_the_process_and_the_next_one_cleans_up) {
  first->engine.dies_at = [](const std::string& step) -> bool {
    if (step == "after create") throw std::bad_alloc{};
    return false;
  };
  std::optional<slot_answer> answer;
  first->start(first->the_slot.reg(key(0).public_pem, "5Validator", 30, small_request()), answer);
  first->io.restart();
  EXPECT_FALSE(run_all(first->io));
  EXPECT_FALSE(answer);
  EXPECT_EQ(d.record.phase, slot_phase::registering);
  EXPECT_EQ(w.containers.size(), 1U);
  first.reset();
  rig second{w, d};
  EXPECT_TRUE(second.run(second.the_slot.reconcile())->has_value());
  expect_free(second);
}

TEST_F(slot_test, reconcile_adopts_starts_and_frees) {
  ASSERT_TRUE(first->reg().yes);
  first.reset();
  rig second{w, d};
  auto& c = w.containers.begin()->second;
  c.status = container_status::paused;
  EXPECT_TRUE(second.run(second.the_slot.reconcile())->has_value());
  EXPECT_TRUE(d.record.paused);
  c.status = container_status::exited;
  EXPECT_TRUE(second.run(second.the_slot.reconcile())->has_value());
  EXPECT_EQ(c.status, container_status::running);
  w.containers.clear();
  EXPECT_TRUE(second.run(second.the_slot.reconcile())->has_value());
  EXPECT_EQ(d.record.phase, slot_phase::occupied) << "one cycle of grace";
  EXPECT_TRUE(second.run(second.the_slot.reconcile())->has_value());
  expect_free(second);
}

TEST_F(slot_test, unknown_containers_get_one_cycle_and_others_none_of_it) {
  fake_container stray, foreign;
  stray.spec.labels = {{label_owner, "5Owner"}, {label_allocation, "x"}};
  foreign.spec.labels = {{label_owner, "5Else"}};
  w.containers["stray"] = stray;
  w.containers["foreign"] = foreign;
  EXPECT_TRUE(first->run(first->the_slot.reconcile())->has_value());
  EXPECT_EQ(w.containers.size(), 2U);
  EXPECT_TRUE(first->run(first->the_slot.reconcile())->has_value());
  EXPECT_EQ(w.containers.size(), 1U);
  EXPECT_TRUE(w.containers.contains("foreign"));
}

// The process dies at the n-th step of a register with a script, for every n; the next life must know what to do.
TEST_F(slot_test, dying_at_any_step_of_a_register_leaves_nothing_or_the_container) {
  int died = 0;
  bool finished = false;
  for (int n = 1; !finished; ++n) {
    ASSERT_LT(n, 200);
    world fresh;
    disk blank;
    {
      rig r{fresh, blank};
      EXPECT_TRUE(r.run(r.the_slot.reconcile())->has_value());
      int step = 0;
      r.engine.dies_at = [&](const std::string&) { return ++step >= n; };
      auto request = small_request();
      request.script = "true";
      const auto answer = r.run(r.the_slot.reg(key(0).public_pem, "5Validator", 30, request));
      finished = answer && answer->yes;
    }
    if (!finished) ++died;
    rig next{fresh, blank};
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(next.run(next.the_slot.reconcile())->has_value());
    if (blank.record.phase == slot_phase::occupied) {
      EXPECT_EQ(fresh.containers.size(), 1U) << n;
      EXPECT_TRUE(next.run(next.the_slot.deregister(key(0).public_pem))->yes);
    }
    EXPECT_EQ(blank.record, slot_record{}) << n;
    EXPECT_TRUE(fresh.containers.empty()) << n;
    EXPECT_EQ(fresh.images.size(), 1U) << n;
  }
  EXPECT_GT(died, 15);
}

TEST_F(slot_test, dying_at_any_step_of_a_deregister_ends_in_a_free_slot) {
  bool finished = false;
  for (int n = 1; !finished; ++n) {
    ASSERT_LT(n, 100);
    world fresh;
    disk blank;
    {
      rig r{fresh, blank};
      ASSERT_TRUE(r.reg().yes);
      int step = 0;
      r.engine.dies_at = [&](const std::string&) { return ++step >= n; };
      const auto answer = r.run(r.the_slot.deregister(key(0).public_pem));
      finished = answer && answer->yes;
    }
    rig next{fresh, blank};
    const auto again = next.run(next.the_slot.deregister(key(0).public_pem));
    EXPECT_TRUE(again->yes) << n;
    EXPECT_EQ(blank.record, slot_record{}) << n;
    EXPECT_TRUE(fresh.containers.empty()) << n;
  }
}

}  // namespace
