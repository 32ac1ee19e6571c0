package io.github.kafkabackpressure.sample;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.springframework.stereotype.Component;

/**
 * What can be turned while the application runs: how many orders come in, how long a payment takes, and what is wrong with
 * the bank. Threads that wait at the bank are let go at once when that changes.
 */
@Component
class Knobs {

    /** How the bank behaves. */
    enum Bank {

        /** A payment takes its time. */
        FINE,

        /** A payment takes ten times as long. */
        SLOW,

        /** Every tenth payment is refused, and tried again a second later. */
        FAILING,

        /** Every hundredth payment never comes back. */
        HANGING,

        /** No payment comes back. */
        FROZEN
    }

    /**
     * A setting of all knobs.
     *
     * @param ordersPerSecond orders, and as many prices, that come in each second
     * @param paymentMillis milliseconds that a payment takes
     * @param bank how the bank behaves
     */
    record Setting(int ordersPerSecond, int paymentMillis, Bank bank) {

        static final int MOST_ORDERS = 5_000;

        static final int LONGEST_PAYMENT = 2_000;

        Setting {
            if (ordersPerSecond < 1 || ordersPerSecond > MOST_ORDERS) {
                throw new IllegalArgumentException(
                        "ordersPerSecond is " + ordersPerSecond + "; legal: 1 to " + MOST_ORDERS);
            }
            if (paymentMillis < 0 || paymentMillis > LONGEST_PAYMENT) {
                throw new IllegalArgumentException(
                        "paymentMillis is " + paymentMillis + "; legal: 0 to " + LONGEST_PAYMENT);
            }
        }
    }

    private final ReentrantLock lock = new ReentrantLock();

    private final Condition turned = lock.newCondition();

    private volatile Setting setting;

    Knobs(SampleProperties properties) {
        this.setting = new Setting(
                properties.ordersPerSecond(), (int) properties.paymentTime().toMillis(), Bank.FINE);
    }

    Setting setting() {
        return setting;
    }

    void turn(Setting to) {
        lock.lock();
        try {
            setting = to;
            turned.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits as long as a payment takes; at a bank that hangs, until it does so no more. */
    void awaitPayment(long orderId) throws InterruptedException {
        if (hangs(orderId)) {
            lock.lock();
            try {
                while (hangs(orderId)) {
                    turned.await();
                }
            } finally {
                lock.unlock();
            }
        }
        Setting now = setting;
        long millis = now.paymentMillis() * (now.bank() == Bank.SLOW ? 10L : 1L);
        TimeUnit.MILLISECONDS.sleep(millis);
    }

    private boolean hangs(long orderId) {
        Bank bank = setting.bank();
        return bank == Bank.FROZEN || (bank == Bank.HANGING && orderId % 100 == 0);
    }

    /** Whether the bank refuses a payment just now. */
    boolean refuses(long orderId) {
        return setting.bank() == Bank.FAILING && orderId % 10 == 0;
    }
}
