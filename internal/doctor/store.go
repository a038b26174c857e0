package doctor

import (
	"context"

	"cloudpay/internal/bilingual"
)

// checkStore looks at how the store's database is reached. It is not connected to: that would need
// the network that only the functions are in, as often as not.
func checkStore(_ context.Context, p *patient) []Finding {
	if p.app == nil || p.app.PlainStore == "" {
		return nil
	}
	return []Finding{{
		Check: CheckConfiguration, Level: LevelWarning, Subject: "CLOUDPAY_STORE",
		Found: bilingual.New(
			"the database is reached over a network without TLS: its password and the orders can be read on the way",
			"数据库经网络连接而未加密：窃听者能读到其密码与订单",
		),
		Remedy: bilingual.New(
			"write sslmode=verify-full (PostgreSQL) or tls=true (MySQL) in the address (docs/databases.md)",
			"在地址中写 sslmode=verify-full（PostgreSQL）或 tls=true（MySQL），见 docs/databases.md",
		),
	}}
}
