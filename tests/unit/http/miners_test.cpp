// POST /admin/miners, /admin/mark, /admin/unmark, /admin/explain

#include "edge_fixture.hpp"

namespace lode::http::test {
namespace {

class miners_test : public edge_test {};

TEST_F(miners_test, a_miner_is_listed_with_its_health_and_marks) {
  miner_status m;
  m.info = {"5H", "203.0.113.7", 8091, 183, miner_specs{}, false};
  m.info.specs->gpu_name = "NVIDIA L40S";
  m.info.specs->gpu_count = 2;
  m.known = m.reachable = m.busy = true;
  m.healthy = false;
  m.state = "active";
  m.marks = {{mark_kind::drain, "say \"bye\"", 1'795'572'000'000, "alice"},
             {mark_kind::quarantine, "", 1'795'572'000'000, "lode"}};
  miner_status bare;
  bare.info.hotkey = "5I";
  says.miners.reply = miner_status_list{{m, bare}, 5};
  const auto a = post("/admin/miners?page_number=1&page_size=2&hotkey=5H");
  EXPECT_EQ(a.status, 200U);
  EXPECT_EQ(
      a.body,
      R"({"success":true,"message":"List miners successfully.","data":{"page_items":[)"
      R"({"hotkey":"5H","ip":"203.0.113.7","port":8091,"version":183,"simulated":false,"gpu_name":"nvidia l40s",)"
      R"("gpu_count":2,"reachable":true,"healthy":false,"eligible":false,"slot":"busy","state":"active","marks":[)"
      R"({"mark":"drain","reason":"say \"bye\"","since":"2026-11-25T02:00:00Z","by":"alice"},)"
      R"({"mark":"quarantine","reason":"","since":"2026-11-25T02:00:00Z","by":"lode"}],"known":true},)"
      R"({"hotkey":"5I","ip":"","port":0,"version":0,"simulated":false,"gpu_name":"","gpu_count":0,)"
      R"("reachable":false,"healthy":null,"eligible":false,"slot":"free","state":"","marks":[],"known":false}],)"
      R"("page_number":1,"page_size":2,"next_page_number":2}})");
  EXPECT_EQ(says.miners.seen[0].hotkey, "5H");
  EXPECT_EQ(says.miners.seen[0].page.number, 1);
  EXPECT_EQ(post("/admin/miners").status, 200U);
  EXPECT_EQ(says.miners.seen[1].hotkey, std::nullopt);
  EXPECT_EQ(post("/admin/miners?page_size=-1").status, 422U);
}

TEST_F(miners_test, a_mark_is_passed_on_from_query_or_body) {
  says.mark.reply = done{};
  const auto a = post("/admin/mark?hotkey=5H&mark=drain&reason=two%20words");
  EXPECT_EQ(a.status, 200U);
  EXPECT_EQ(a.body, R"({"success":true,"message":"Miner was marked."})");
  EXPECT_EQ(post("/admin/mark", R"({"hotkey":"5I","mark":"blacklist"})").status, 200U);
  ASSERT_EQ(says.mark.seen.size(), 2U);
  EXPECT_EQ(says.mark.seen[0].hotkey, "5H");
  EXPECT_EQ(says.mark.seen[0].mark, mark_kind::drain);
  EXPECT_EQ(says.mark.seen[0].reason, "two words");
  EXPECT_EQ(says.mark.seen[1].hotkey, "5I");
  EXPECT_EQ(says.mark.seen[1].mark, mark_kind::blacklist);
  EXPECT_EQ(says.mark.seen[1].reason, "");
}

TEST_F(miners_test, what_is_wrong_with_a_mark_is_said_all_at_once) {
  const auto a = post("/admin/mark", R"({"mark":"kick","reason":7})");
  EXPECT_EQ(a.status, 422U);
  for (const char* text :
       {R"({"field":"hotkey","message":"Field required"})",
        R"({"field":"mark","message":"Input should be 'blacklist', 'cordon', 'drain' or 'quarantine'"})",
        R"({"field":"reason","message":"Input should be a valid string"})"})
    EXPECT_NE(a.body.find(text), std::string::npos) << a.body;
  const auto twice = post("/admin/mark?hotkey=5H", R"({"mark":7})");
  EXPECT_NE(twice.body.find(R"([{"field":"mark","message":"Input should be a valid string"}])"), std::string::npos)
      << twice.body;
  EXPECT_EQ(post("/admin/unmark?hotkey=5H").status, 422U);
  EXPECT_EQ(post("/admin/mark?hotkey=5H&mark=cordon&reason=" + std::string(512, 'x')).status, 500U) << "not scripted";
  EXPECT_EQ(post("/admin/mark?hotkey=5H&mark=cordon&reason=" + std::string(513, 'x')).status, 422U);
  EXPECT_EQ(post("/admin/mark?hotkey=5H&mark=cordon&reason=a%1b%5b31mred").status, 422U);
  EXPECT_EQ(says.mark.seen.size(), 1U);
}

TEST_F(miners_test, what_became_of_a_mark) {
  const std::string target = "/admin/mark?hotkey=5H&mark=cordon";
  says.mark.failure = error{errc::unknown_hotkey, "x"};
  EXPECT_EQ(post(target).status, 404U);
  EXPECT_EQ(post(target).body, R"({"success":false,"message":"Unknown hotkey."})");
  says.mark.failure = error{errc::bad_request, "too many hotkeys are marked"};
  EXPECT_EQ(post(target).status, 400U);
  EXPECT_EQ(post(target).body, R"({"success":false,"message":"Miner was not marked.",)"
                               R"("err_detail":"too many hotkeys are marked"})");
  says.mark.failure = error{errc::overloaded, ""};
  EXPECT_EQ(post(target).status, 503U);
  says.mark.failure = error{errc::store_io, "disk"};
  EXPECT_EQ(post(target).status, 500U);

  const std::string away = "/admin/unmark?hotkey=5H&mark=cordon";
  says.unmark.failure = error{errc::not_found, ""};
  EXPECT_EQ(post(away).status, 404U);
  EXPECT_EQ(post(away).body, R"({"success":false,"message":"No such mark."})");
  says.unmark.reply = done{};
  EXPECT_EQ(post(away).body, R"({"success":true,"message":"Mark was removed."})");
  EXPECT_EQ(says.unmark.seen.back().mark, mark_kind::cordon);
}

TEST_F(miners_test, an_explanation_is_a_page) {
  explained_miner first{"5H", true, 1, {}};
  explained_miner second{"5I", false, std::nullopt, {"needs 2 GPUs, has 1", "it is cordoned"}};
  says.explain.reply = explained_list{{first, second}, 2};
  const auto a = post("/admin/explain?hotkey=5I", R"({"gpu_count":2,"gpu_type":"a100"})");
  EXPECT_EQ(a.status, 200U);
  EXPECT_EQ(a.body, R"({"success":true,"message":"Explained placement.","data":{"page_items":[)"
                    R"({"hotkey":"5H","fits":true,"rank":1,"reasons":[]},)"
                    R"({"hotkey":"5I","fits":false,"rank":null,"reasons":["needs 2 GPUs, has 1","it is cordoned"]}],)"
                    R"("page_number":1,"page_size":2,"next_page_number":null}})");
  EXPECT_EQ(says.explain.seen[0].device.gpu_count, 2);
  EXPECT_EQ(says.explain.seen[0].device.gpu_type, "a100");
  EXPECT_EQ(says.explain.seen[0].hotkey, "5I");
  EXPECT_EQ(post("/admin/explain").status, 200U);
  EXPECT_EQ(says.explain.seen[1].device, device_requirement{});
  EXPECT_EQ(post("/admin/explain", R"({"ram":-1})").status, 422U);
}

TEST_F(miners_test, a_renter_hears_that_a_miner_takes_nothing_new) {
  says.hotkey.failure = error{errc::no_candidate, "The miner takes nothing new (cordon)."};
  const auto a = post("/service/allocate_hotkey?hotkey=5H");
  EXPECT_EQ(a.status, 404U);
  EXPECT_EQ(a.body, R"({"success":false,"message":"Fail to allocate resource",)"
                    R"("err_detail":"The miner takes nothing new (cordon)."})");
}

}  // namespace
}  // namespace lode::http::test
