package schedule

import "cloudpay/internal/order"

// Ownership is what the register knows of one customer's right to an order.
type Ownership string

// The ownerships. Only Theirs lets a customer query or close the order.
const (
	// Theirs: the order is registered in the customer's name.
	Theirs Ownership = "theirs"
	// NotTheirs: it is registered in the name of another customer.
	NotTheirs Ownership = "notTheirs"
	// Unowned: it is registered without an owner.
	Unowned Ownership = "unowned"
	// NotRegistered: the register does not have it.
	NotRegistered Ownership = "notRegistered"
	// NotThere: WeChat Pay has no order of that number, so there is nothing to look up in the
	// register.
	NotThere Ownership = "notThere"
)

// OwnershipOf compares the owner that was registered with an order with a customer. The empty Owner
// owns nothing.
func OwnershipOf(registered, customer order.Owner) Ownership {
	switch registered {
	case "":
		return Unowned
	case customer:
		return Theirs
	}
	return NotTheirs
}

// OwnershipOfAll is the ownership of several orders together, as of the parts of a combined order:
// Theirs if it is the ownership of each, and otherwise that of the first where it is not.
// registered has the owners of those that are registered. Of no orders at all it is NotRegistered.
func OwnershipOfAll(refs []order.Ref, registered map[order.Ref]order.Owner, customer order.Owner) Ownership {
	for _, ref := range refs {
		owner, there := registered[ref]
		if !there {
			return NotRegistered
		}
		if o := OwnershipOf(owner, customer); o != Theirs {
			return o
		}
	}
	if len(refs) == 0 {
		return NotRegistered
	}
	return Theirs
}

// Found is the result of looking up an order by a number that only WeChat Pay knows.
type Found struct {
	// Result answers the customer. It shows an order only if Ownership is Theirs; the text of any
	// other result depends on the customer's words alone.
	Result order.Result
	// Ownership is for the operator's log; empty when it is not known.
	Ownership Ownership
	// Exhausted reports that nothing was asked, because the customer has looked up too many orders
	// that are not theirs.
	Exhausted bool
}
