package schedule

import (
	"errors"
	"strings"

	"cloudpay/internal/bilingual"
)

// StoreError says that an operation of the store failed, and why. Its text is for the caller; what
// the database said is for the log.
type StoreError struct {
	// Doing is what was being done: "registering orders".
	Doing string
	// Reason is a sentence without a word of the database's or its driver's.
	Reason bilingual.Text
	// Lasting reports that the same call fails again until an operator has done what Reason says.
	Lasting bool
	// Err is the driver's.
	Err error
}

func (e *StoreError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *StoreError) Wording() bilingual.Text {
	return bilingual.New(e.Doing+": "+e.Reason.EN, doingInChinese(e.Doing)+"："+e.Reason.ZH)
}

// doingInChinese translates Doing. What is done with an order, or for a merchant, ends in its
// number.
func doingInChinese(doing string) string {
	for _, d := range doings {
		if of, is := strings.CutPrefix(doing, d.EN); is {
			return d.ZH + of
		}
	}
	return doing
}

// doings are all the store's operations. A test finds one that is missing here.
var doings = []bilingual.Text{
	bilingual.New("acknowledging events", "确认事件"),
	bilingual.New("beginning to close order ", "开始关单 "),
	bilingual.New("changing the registration of order ", "更改订单登记 "),
	bilingual.New("claiming due orders", "领取到期订单"),
	bilingual.New("claiming events to deliver", "领取待投递的事件"),
	bilingual.New("counting events to deliver", "统计待投递的事件"),
	bilingual.New("counting orders to prune", "统计可清理的订单"),
	bilingual.New("giving claims back", "归还领取的订单"),
	bilingual.New("giving up order ", "放弃订单 "),
	bilingual.New("keeping the quota of merchant ", "记录商户配额 "),
	bilingual.New("listing events to deliver", "列出待投递的事件"),
	bilingual.New("listing orders", "列出订单"),
	bilingual.New("counting orders", "统计订单"),
	bilingual.New("listing undeliverable events", "列出未送达的事件"),
	bilingual.New("looking for new events", "查找新事件"),
	bilingual.New("looking for what is due", "查找到期项"),
	bilingual.New("looking up order ", "查找订单 "),
	bilingual.New("looking up orders", "查找多个订单"),
	bilingual.New("looking up the owner of order ", "查找订单归属 "),
	bilingual.New("looking up the owners of orders", "查找订单归属"),
	bilingual.New("numbering events", "为事件编号"),
	bilingual.New("pruning orders", "清理订单"),
	bilingual.New("putting off orders", "推迟多个订单"),
	bilingual.New("putting off order ", "推迟订单 "),
	bilingual.New("reading how the register stands", "读取登记概况"),
	bilingual.New("reading events", "读取事件"),
	bilingual.New("reading the changes of order ", "读取订单变更 "),
	bilingual.New("reading how the receiver does", "读取接收方状态"),
	bilingual.New("reading the events of order ", "读取订单事件 "),
	bilingual.New("reading the version of the store", "读取存储版本"),
	bilingual.New("recording deliveries", "记录投递"),
	bilingual.New("recording how the receiver does", "记录接收方状态"),
	bilingual.New("recording payments", "记录支付"),
	bilingual.New("recording the end of order ", "记录订单结果 "),
	bilingual.New("recording the ends of orders", "记录多个订单的结果"),
	bilingual.New("registering orders", "登记订单"),
	bilingual.New("registering anew order ", "重新登记订单 "),
	bilingual.New("reopening order ", "重新处理订单 "),
	bilingual.New("requeueing events", "重新投递事件"),
}

func (e *StoreError) Unwrap() error { return e.Err }

// Detail is what the database or its driver said, for the log and an operator's terminal only.
func (e *StoreError) Detail() string { return e.Err.Error() }

// Lasting reports whether err is a StoreError that lasts until an operator does something about it.
func Lasting(err error) bool {
	fault, is := errors.AsType[*StoreError](err)
	return is && fault.Lasting
}
