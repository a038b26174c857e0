package doctor

import (
	"path/filepath"

	"cloudpay/internal/bilingual"
)

// rulesNotSeen says that CloudBase's security rules (权限控制) were not looked at. They are an
// environment's and in no file, and decide before any function is called which users' calls arrive
// (docs.cloudbase.net/cloud-function/security-rules). Only cloudbaserc.json is of an environment.
func rulesNotSeen(d Deployment, _ values, ours []described) []Finding {
	if filepath.Ext(d.File) != ".json" || len(ours) == 0 {
		return nil
	}
	return []Finding{deploymentCheck.about(filepath.Base(d.File)).unknown(
		bilingual.New("not checked: whether the environment's security rules let the users' calls through: they are in no file",
			"未检查环境的权限控制（安全规则）是否放行用户的调用：它不在任何文件中"),
		bilingual.New("look them up in the CloudBase console (云函数 → 权限控制), and compare them with those of docs/deploy.md",
			"人工核对：在云开发控制台（云函数 → 权限控制）查看，并与 docs/deploy.zh.md 中的规则比较"))}
}
