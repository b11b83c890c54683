// The ways in which a program of JavaScript fails.
export class CheckoutFailed extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = "CheckoutFailed";
  }
}

function findTotal(order) {
  return order.lines.length;
}

export function fail() {
  findTotal({ id: 4711 });
}

export function failChained() {
  try {
    fail();
  } catch (error) {
    throw new CheckoutFailed("no total for order 4711", { cause: error });
  }
}

export const ways = {
  fail,
  chained: failChained,
  captured(sentry) {
    try {
      fail();
    } catch (error) {
      sentry.captureException(error, { tags: { captured: true } });
    }
  },
  message(sentry) {
    sentry.captureMessage("stock is low", "warning");
  },
};
