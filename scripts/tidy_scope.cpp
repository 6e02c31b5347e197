// A check for clang-tidy that reports nothing: it makes the others look at our declarations only. Without it clang-tidy
// 14 matches every check against all of Boost, CAF and the standard library in each source, four fifths of its time,
// and throws away what it finds there. Later releases of clang-tidy do the same by themselves. Built and loaded by
// scripts/check.
//
// What stands in a header of ours or in the source is looked at with all that was instantiated of its templates; what
// is instantiated of others' templates is not, and nothing was ever reported of that.

#include <clang-tidy/ClangTidyCheck.h>
#include <clang-tidy/ClangTidyModule.h>
#include <clang-tidy/ClangTidyModuleRegistry.h>
#include <clang/AST/ASTContext.h>
#include <clang/ASTMatchers/ASTMatchFinder.h>
#include <clang/Basic/SourceManager.h>
#include <vector>

namespace {

class scope_check : public clang::tidy::ClangTidyCheck {
 public:
  using ClangTidyCheck::ClangTidyCheck;

  // The first node of all. Its children are visited afterwards, and those that are in the scope then.
  void registerMatchers(clang::ast_matchers::MatchFinder* finder) override {
    finder->addMatcher(clang::ast_matchers::translationUnitDecl().bind("unit"), this);
  }

  void check(const clang::ast_matchers::MatchFinder::MatchResult& result) override {
    const auto* unit = result.Nodes.getNodeAs<clang::TranslationUnitDecl>("unit");
    std::vector<clang::Decl*> ours;
    for (auto* declaration : unit->decls())
      if (!result.SourceManager->isInSystemHeader(declaration->getLocation())) ours.push_back(declaration);
    result.Context->setTraversalScope(ours);
  }
};

class scope_module : public clang::tidy::ClangTidyModule {
 public:
  void addCheckFactories(clang::tidy::ClangTidyCheckFactories& factories) override {
    factories.registerCheck<scope_check>("lode-scope");
  }
};

const clang::tidy::ClangTidyModuleRegistry::Add<scope_module> registered("lode", "Looks at our own declarations only.");

}  // namespace
