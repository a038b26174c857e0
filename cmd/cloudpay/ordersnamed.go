package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"cloudpay/internal/order"
)

// maxListed caps what is read of a list of orders in JSON: some fifty thousand of them.
const maxListed = 16 << 20

// named are the orders that arguments name; - stands for those on standard input.
func (s *single) named(m order.Merchant, args []string, stdin io.Reader) ([]order.Ref, error) {
	var refs []order.Ref
	for i, arg := range args {
		if arg == "-" {
			if slices.Contains(args[:i], "-") {
				return nil, usagef("-: standard input can be read once", "-：标准输入只能读取一次")
			}
			listed, err := s.listed(m, stdin)
			if err != nil {
				return nil, err
			}
			refs = append(refs, listed...)
			continue
		}
		ref, err := refOf(m, arg, s.subMchID)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// listed reads one order from each line: a number, or an object as `orders list --json` prints it,
// which names its sub-merchant.
func (s *single) listed(m order.Merchant, stdin io.Reader) ([]order.Ref, error) {
	var refs []order.Ref
	limited := &io.LimitedReader{R: stdin, N: maxListed + 1}
	lines := bufio.NewScanner(limited)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		number, subMchID := text, s.subMchID
		if strings.HasPrefix(text, "{") {
			var o standing
			if err := json.Unmarshal([]byte(text), &o); err != nil {
				return nil, usagef("-: line %d: must be an order's number, or an order as `cloudpay orders list --json` prints it",
					"-：第 %d 行：须为订单号，或 `cloudpay orders list --json` 输出的订单", n)
			}
			if of := m.Account(); o.Region != of.Region || o.MchID != of.MchID {
				return nil, usagef("-: line %d: is an order of %q in %q, and these are those of %s in %s",
					"-：第 %d 行：是商户 %q（%q）的订单，而此处为 %s（%s）的", n, o.MchID, o.Region, of.MchID, of.Region)
			}
			number, subMchID = o.OutTradeNo, o.SubMchID
		}
		ref, err := refOf(m, number, subMchID)
		if err != nil {
			return nil, usagef("-: line %d: %w", "-：第 %d 行：%w", n, err)
		}
		refs = append(refs, ref)
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, usagef("-: reading orders: %w", "-：读取订单：%w", err)
	}
	if limited.N == 0 {
		return nil, usagef("-: a list of orders may have %d MiB", "-：订单列表不可超过 %d MiB", maxListed>>20)
	}
	return refs, nil
}

// shownNumber is an order's number, behind its sub-merchant's where it has one.
func shownNumber(subMchID, outTradeNo string) string {
	if subMchID == "" {
		return outTradeNo
	}
	return subMchID + "/" + outTradeNo
}
