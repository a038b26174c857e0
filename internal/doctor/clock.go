package doctor

import (
	"context"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
)

// clock compares our clock with the first address that sent a time, preferring WeChat Pay's to that
// of a proxy's page.
func (e *examination) clock(list []address, probes []probe) Finding {
	best := -1
	// The main domain comes first. A proxy's page counts only if no other reply has a date.
	for i, r := range probes {
		if r.err == nil && !r.date.IsZero() && (best < 0 || probes[best].html && !r.html) {
			best = i
		}
	}
	if best < 0 {
		return clockCheck.about("").skipped(bilingual.New("no reply had a time", "应答中没有时间，无法核对"))
	}
	// The header is cut to whole seconds: the middle of the second is as good a guess as any.
	ahead := probes[best].asked.Sub(probes[best].date.Add(time.Second / 2)).Round(time.Second)
	e.ahead = &ahead
	return e.skew(list[best].url, ahead, probes[best].unsure)
}

// skew words how far our clock is ahead, with an uncertainty of unsure. A wrong clock is a fault
// for APIv3 only, which signs the time.
func (e *examination) skew(of string, ahead, unsure time.Duration) Finding {
	f := clockCheck.about(of)
	found := bilingual.Sprintf("this machine's is %s", "本机%s", aheadOf(bilingual.New("the gateway's", "网关"), ahead))
	set := bilingual.New("set this machine's clock (NTP); APIv3 refuses what is signed more than five minutes off",
		"请校准本机时钟（NTP）；APIv3 拒绝时间偏差超过 5 分钟的请求")
	// The measurement is uncertain by half the exchange, and the header by half a second.
	switch off := ahead.Abs(); {
	case off > wrongSkew && e.settings.Has(order.V3):
		return f.fault(found, set)
	case off > slightSkew:
		return f.warning(found, set)
	case off <= 2*time.Second+unsure:
		return f.fine(bilingual.New("agrees with the gateway's", "与网关一致"))
	}
	return f.fine(found)
}

// aheadOf words how far a clock is ahead of another. It does so by direction, because a sign is
// easily misread.
func aheadOf(other bilingual.Text, ahead time.Duration) bilingual.Text {
	off := ahead.Abs().String()
	if ahead < 0 {
		return bilingual.New(off+" behind "+other.EN, "比"+other.ZH+"慢 "+off)
	}
	return bilingual.New(off+" ahead of "+other.EN, "比"+other.ZH+"快 "+off)
}

// maxClock limits reading the database's clock, and its schema's version.
const maxClock = 3 * time.Second

// checkDatabaseClock compares the store's clock, by which orders are due, with the other two.
func checkDatabaseClock(ctx context.Context, e *examination) []Finding {
	read := e.databaseClock
	if read == nil && e.app != nil && e.app.Store != nil {
		read = e.app.Store.Clock
	}
	f := clockCheck.about("CLOUDPAY_STORE")
	switch {
	case read == nil:
		return nil
	case e.Offline:
		return []Finding{f.skipped(bilingual.New("not asked, for --offline", "未检查（--offline）"))}
	case e.databaseClock == nil && e.database.silent != (bilingual.Text{}):
		return []Finding{f.skipped(unreachedStore)}
	case e.database.unfit:
		return []Finding{f.skipped(bilingual.New("not checked: the schema cannot be used", "未检查：数据库结构不可用"))}
	}
	ctx, cancel := e.limited(ctx, maxClock, 2)
	defer cancel()
	before := e.now()
	database, err := read(ctx)
	if err != nil {
		return []Finding{f.unread(err)}
	}
	unsure := e.now().Sub(before) / 2
	return []Finding{e.databaseSkew(f, database.Sub(before.Add(unsure)).Round(time.Second), unsure)}
}

// unreachedStore is why a check of the database is skipped: an earlier finding says what is wrong.
var unreachedStore = bilingual.New("not checked: the database was not reached", "未检查：未能连接数据库")

// databaseSkew words how far the database's clock is ahead of this machine's and, by that, of the
// gateway's, with an uncertainty of unsure.
func (e *examination) databaseSkew(f Finding, ahead, unsure time.Duration) Finding {
	found := bilingual.Sprintf("the database's is %s", "数据库%s", aheadOf(bilingual.New("this machine's", "本机"), ahead))
	agrees := bilingual.New("the database's agrees with this machine's", "数据库与本机一致")
	off, agree := ahead, ahead.Abs() <= 2*time.Second+unsure
	if e.ahead != nil {
		off = ahead + *e.ahead
		found = bilingual.Sprintf("%s, and %s", "%s，且%s", found, aheadOf(bilingual.New("the gateway's", "网关"), off))
		agrees = bilingual.New("the database's agrees with this machine's and the gateway's", "数据库、本机与网关一致")
		agree = agree && off.Abs() <= 3*time.Second+unsure // two differences, each rounded
	}
	switch {
	case off.Abs() > slightSkew:
		return f.fault(found, bilingual.New(
			"set the clock of the database's machine (NTP): ahead, it makes orders due too early, and behind, too late (docs/databases.md)",
			"请校准数据库所在机器的时钟（NTP）：偏快则订单过早到期，偏慢则过晚（docs/databases.md）"))
	case agree:
		return f.fine(agrees)
	}
	return f.fine(found)
}
