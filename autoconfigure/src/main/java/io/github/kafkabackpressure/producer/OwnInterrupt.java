package io.github.kafkabackpressure.producer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.spi.AbstractSelectableChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;
import java.util.Set;

/**
 * An interrupt that a thread raises on itself and takes back later, without losing one that comes from elsewhere in between:
 * a thread has one flag for all of them. The JDK tells of an interrupt while it comes in one place only: it wakes up the
 * selector that a thread has begun to use, and not for what a thread does to itself. So this is a selector of nothing.
 * JDK 22 and later set a platform thread's flag a moment before they look for the selector: an interrupt is missed if all of
 * {@link #takeBack()} falls into that moment.
 *
 * <p>Threading: raised and taken back by one thread; any thread interrupts that.
 */
final class OwnInterrupt extends AbstractSelector {

    private final Thread thread = Thread.currentThread();

    /** Whether somebody else has interrupted the thread, be it before. */
    @GuardedBy("this") private boolean interruptedByAnother;

    @GuardedBy("this") private boolean takenBack;

    private OwnInterrupt() {
        super(SelectorProvider.provider());
    }

    /** Interrupts the calling thread, which must take that back. */
    static OwnInterrupt raise() {
        OwnInterrupt own = new OwnInterrupt();
        own.begin(); // before the look at the flag, and it looks itself: nothing comes in between
        own.thread.interrupt();
        return own;
    }

    /** Afterwards the thread is interrupted if another has done that, before or meanwhile. */
    void takeBack() {
        Thread.interrupted(); // before the end: an interrupt after this one stands, and one before it has been told of
        end();
        if (isMeantForTheThread()) {
            thread.interrupt();
        }
    }

    private synchronized boolean isMeantForTheThread() {
        takenBack = true;
        return interruptedByAnother;
    }

    /** Another has interrupted the thread; newer JDKs tell of it so late that it may have taken back its own. */
    @Override
    public Selector wakeup() {
        if (isTooLate()) {
            thread.interrupt();
        }
        return this;
    }

    private synchronized boolean isTooLate() {
        interruptedByAnother = true;
        return takenBack;
    }

    // A selector of nothing.

    @Override
    protected void implCloseSelector() {}

    @Override
    protected SelectionKey register(AbstractSelectableChannel channel, int operations, Object attachment) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Set<SelectionKey> keys() {
        return Set.of();
    }

    @Override
    public Set<SelectionKey> selectedKeys() {
        return Set.of();
    }

    @Override
    public int selectNow() {
        return 0;
    }

    @Override
    public int select(long timeout) {
        return 0;
    }

    @Override
    public int select() {
        return 0;
    }
}
