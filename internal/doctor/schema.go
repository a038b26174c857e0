package doctor

import (
	"context"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/schedule"
)

// checkSchema compares the step of the database's schema with this version's. Functions of a
// version that does not fit refuse every order.
func checkSchema(ctx context.Context, e *examination) []Finding {
	if e.app == nil || e.app.Store == nil {
		return nil
	}
	f := schemaCheck.about("CLOUDPAY_STORE")
	if e.Offline {
		return []Finding{f.skipped(bilingual.New("not asked, for --offline", "未检查（--offline）"))}
	}
	ctx, cancel := context.WithTimeout(ctx, maxClock)
	defer cancel()
	c, err := e.app.Store.Compatibility(ctx)
	switch {
	case err != nil:
		return []Finding{f.unread(err)}
	case c.Fault() != (bilingual.Text{}):
		return []Finding{f.fault(c.Wording(), c.Fault())}
	}
	return []Finding{f.fine(c.Wording())}
}

// unread is the finding of a check that could not read the database. It is a fault if that lasts
// until an operator acts: a wrong password, missing tables. Otherwise it is a warning, since a
// database is often in reach of the functions' network only.
func (f Finding) unread(err error) Finding {
	if schedule.Lasting(err) {
		return f.fault(bilingual.New("cannot be read", "无法读取"), bilingual.Wording(err))
	}
	return f.warning(bilingual.Sprintf("out of reach from here: %s", "从此处无法访问：%s", bilingual.Wording(err)),
		bilingual.New("run doctor where the functions run, or start the database", "请在云函数所在网络运行 doctor，或启动数据库"))
}
