package explain

import (
	"cloudpay/internal/bilingual"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// Title names the form.
func (f Form) Title() bilingual.Text {
	switch f {
	case formRequest:
		return bilingual.New("request", "请求")
	case formReply:
		return bilingual.New("reply", "应答")
	case formNotification:
		return bilingual.New("notification", "通知")
	case formDocument:
		return bilingual.New("document", "报文")
	case formPayment:
		return bilingual.New("fields to pay with", "调起支付参数")
	case formExchange:
		return bilingual.New("row of the history", "历史记录")
	case formLogLine:
		return bilingual.New("log line", "日志行")
	case formCode:
		return bilingual.New("error code", "错误码")
	case formMessage:
	}
	return bilingual.New("error text", "错误文本")
}

// Source says how the part was written, where the form does not say it.
func (p *Part) Source() bilingual.Text {
	switch p.From {
	case "curl":
		return bilingual.New("from the output of curl -v or --trace", "来自 curl -v 或 --trace 的输出")
	case "command":
		return bilingual.New("from a command line of curl's", "来自 curl 命令行")
	case "http":
		return bilingual.New("raw HTTP", "原始 HTTP")
	case "xml":
		return bilingual.New("XML alone", "仅 XML")
	case "json":
		return bilingual.New("JSON", "JSON")
	}
	return bilingual.Text{}
}

// Retry says whether another call with the same parameters is of use after a code. It is what the
// functions themselves do with it: the verdict of a query tells more than that of a close, which
// may have been carried out in spite of an error.
func Retry(code errcode.Code) bilingual.Text {
	switch code.Query {
	case verdict.Limited:
		return bilingual.New("retry: later, and less often", "重试：稍后并降低频率")
	case verdict.Refused, verdict.Rejected:
		return bilingual.New("retry: in vain until it is mended", "重试：修正之前无用")
	case verdict.SaysMissing:
		return bilingual.New("retry: in vain, unless the order was placed seconds ago", "重试：无用，除非订单刚刚提交")
	case verdict.SaysPaying:
		return bilingual.New("retry: in a few seconds", "重试：几秒后")
	default: // the verdict of a close tells more
	}
	if code.Close == verdict.SaysPaid || code.Close == verdict.SaysClosed {
		return bilingual.New("retry: not needed, it is final", "重试：无需重试，已是最终结果")
	}
	return bilingual.New("retry: with the same parameters; a query decides what became of the order", "重试：以相同参数；订单结果以查单为准")
}

// Causes are the findings that are proved, and those that may be. Beside a proved one the others
// are left out unless the diagnosis itself lists them.
func (a *Answer) Causes() (proved, candidates []Finding) {
	for _, f := range a.Findings {
		if f.Certain {
			proved = append(proved, f)
		} else {
			candidates = append(candidates, f)
		}
	}
	return proved, candidates
}
